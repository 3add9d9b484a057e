/* What daemon and signer say to each other: frames over a Unix stream socket, big-endian.
 *
 *   frame    u32 length of the rest · u8 kind (reply: kind | 0x80) · u32 id, echoed · body
 *   text     u16 length · UTF-8 without NUL            bytes   u32 length · octets
 *
 *   ping     request: -                                reply: -
 *   setup    request: text issuer · u64 now (ms)       reply: bytes chain (PEM)
 *   sign     request: text issuer · u16 count · count × (text profile · bytes tbs)
 *            reply:   u16 count · count × (status; when ok: bytes signature)
 *   journal  request: text issuer · text serial (hex)  reply: 32 octets, SHA-256 of the TBS
 *
 * A reply body begins with a status: u8; when it is not ok, text where · text message · text hint, and nothing else. Every
 * length is bounded before anything is allocated, and a frame must be used up exactly. */
#pragma once
#include "port/signer.h"

#define RV_SIGNER_BATCH 64                    /* items in one sign request */
#define RV_SIGNER_TBS_MAX ((size_t)32 * 1024) /* one TBSCertificate */
#define RV_SIGNER_FRAME_MAX ((size_t)64 + RV_SIGNER_BATCH * (RV_SIGNER_TBS_MAX + 128))

enum rv_signer_kind {
    RV_SIGNER_PING = 1,
    RV_SIGNER_SETUP = 2,
    RV_SIGNER_SIGN = 3,
    RV_SIGNER_JOURNAL = 4,
    RV_SIGNER_REPLY = 0x80
};

struct rv_signer_request {
    enum rv_signer_kind kind;
    uint32_t id;
    char issuer[64];
    rv_time now;
    char serial[48];
    size_t count;
    struct rv_sign_item *items; /* borrowed; decoding fills profile and tbs (borrowed from the frame) */
};
struct rv_signer_reply {
    enum rv_signer_kind kind; /* of the request */
    uint32_t id;
    enum rv_status status;
    struct rv_error err; /* when status is not RV_OK */
    struct rv_bytes chain_pem;
    struct rv_hash tbs;
    size_t count;
    struct rv_sign_item *items; /* borrowed; decoding fills status, err and signature (caller frees) */
};

/* How long the frame at the start of `in` is, head included; 0: not all of the length is there yet. RV_INVALID when it
 * claims more than RV_SIGNER_FRAME_MAX or less than a head. */
RV_MUST_CHECK enum rv_status rv_signer_frame_length(struct rv_bytes in, size_t *ret, struct rv_error *err);
/* Whole frames, length included. */
void rv_signer_request_encode(const struct rv_signer_request *request, struct rv_buf *out);
void rv_signer_reply_encode(const struct rv_signer_reply *reply, struct rv_buf *out);
/* ret->items has room for RV_SIGNER_BATCH, zeroed. */
RV_MUST_CHECK enum rv_status rv_signer_request_decode(struct rv_bytes frame, struct rv_signer_request *ret,
                                                      struct rv_error *err);
/* ret->items has room for ret->count items (0 when nothing was to be signed); the reply must hold as many. On failure
 * signatures that were filled already still are the caller's to free. */
RV_MUST_CHECK enum rv_status rv_signer_reply_decode(struct rv_bytes frame, struct rv_signer_reply *ret,
                                                    struct rv_error *err);

/* PEM (RFC 7468), bounded: 1 MiB of text, 200 blocks (M-20). Strict inside a block: matching labels, canonical base64,
 * no headers; lines may be wrapped anywhere. Text between blocks is skipped. */
#pragma once
#include "base/bytes.h"

#define RV_PEM_MAX_SIZE ((size_t)1 << 20)
#define RV_PEM_MAX_BLOCKS 200
#define RV_PEM_CERTIFICATE "CERTIFICATE"
#define RV_PEM_REQUEST "CERTIFICATE REQUEST"
#define RV_PEM_KEY "PRIVATE KEY"
#define RV_PEM_ENCRYPTED_KEY "ENCRYPTED PRIVATE KEY"

/* One block; borrowed during the call. Answering anything but RV_OK stops the walk with that status. */
typedef enum rv_status (*rv_pem_visit)(void *arg, const char *label, struct rv_bytes der, struct rv_error *err);
/* Calls visit for each block, for those with this label only when it is not NULL. A text without any is fine. */
RV_MUST_CHECK enum rv_status rv_pem_each(struct rv_bytes text, const char *label, rv_pem_visit visit, void *arg,
                                         struct rv_error *err);
/* Exactly one block of this label; RV_INVALID when there is none or a second. Other labels are skipped. */
RV_MUST_CHECK enum rv_status rv_pem_one(struct rv_bytes text, const char *label, struct rv_buf *ret_der,
                                        struct rv_error *err);
/* The DER of all blocks of this label, one behind the other; at least one. */
RV_MUST_CHECK enum rv_status rv_pem_all(struct rv_bytes text, const char *label, struct rv_buf *ret_der, int *ret_count,
                                        struct rv_error *err);
/* Appends one block with lines of 64. */
void rv_pem_add(struct rv_buf *out, const char *label, struct rv_bytes der);
/* Whether the bytes look like PEM rather than DER: begins with "-----BEGIN" after white space. */
bool rv_pem_looks(struct rv_bytes text);

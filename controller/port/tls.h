/* TLS as a pump: ciphertext in, plaintext out, and back. No sockets here and no OpenSSL outside pki: rt moves the bytes,
 * pki transforms them. One session belongs to one thread at a time. */
#pragma once
#include <stdbool.h>

#include "base/bytes.h"

struct rv_tls_context; /* server certificate and key, or client trust; reference counted, swapped whole */
struct rv_tls;         /* one connection */

enum rv_tls_state { RV_TLS_HANDSHAKE, RV_TLS_OPEN, RV_TLS_CLOSED, RV_TLS_FAILED };

struct rv_tls_peer {       /* what the other side showed; bytes borrowed from the session */
    struct rv_bytes chain; /* concatenated DER, leaf first, as sent */
    int chain_count;
    bool stapled;                             /* an OCSP answer came along */
    char protocol[16], cipher[64], group[32]; /* "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519" */
};

struct rv_tls_ops {
    struct rv_tls *(*start)(struct rv_tls_context *context, bool server, const char *server_name);
    void (*stop)(struct rv_tls *tls); /* NULL is fine */
    /* Takes ciphertext; what it yields is appended to *plain, what must be sent to *out. */
    enum rv_tls_state (*feed)(struct rv_tls *tls, struct rv_bytes in, struct rv_buf *plain, struct rv_buf *out,
                              struct rv_error *err);
    enum rv_tls_state (*send)(struct rv_tls *tls, struct rv_bytes plain, struct rv_buf *out, struct rv_error *err);
    void (*shutdown)(struct rv_tls *tls, struct rv_buf *out);  /* close_notify */
    void (*peer)(struct rv_tls *tls, struct rv_tls_peer *ret); /* once RV_TLS_OPEN */
    struct rv_tls_context *(*retain)(struct rv_tls_context *context);
    void (*release)(struct rv_tls_context *context);
};
extern const struct rv_tls_ops rv_tls_openssl; /* in pki */

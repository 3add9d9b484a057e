/* TLS contexts for rv_tls_openssl (port/tls.h). TLS 1.2 and 1.3, no renegotiation, no compression, no resumption. The
 * name of the group is that of the key exchange ("X25519"), empty when there was none. */
#pragma once
#include "pki/key.h"
#include "port/tls.h"

/* Shows this chain (PEM, leaf first; the root may be left out) with this key; both are copied. request_client: asks for a
 * client certificate and takes any (the peer's chain is for the caller to judge), none is fine too. RV_CONFLICT: key and
 * certificate do not belong together. */
RV_MUST_CHECK enum rv_status rv_tls_server_context_create(struct rv_bytes chain_pem, const struct rv_key *key,
                                                          bool request_client, struct rv_tls_context **ret,
                                                          struct rv_error *err);
/* For looking: accepts whatever the server shows, so that every chain can be seen, asks for an OCSP staple. Never send
 * anything through such a session. */
struct rv_tls_context *rv_tls_probe_context_create(void);

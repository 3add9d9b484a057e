/* port/probe.h over TCP and the TLS pump: resolve, try every address until one connects, one full handshake, close. */
#pragma once
#include "port/loop.h"
#include "port/probe.h"
#include "port/tls.h"

/* context: for the client side, it must not refuse any certificate (the judge does that) and never resume; retained. */
struct rv_probe *rv_probe_create(struct rv_loop *loop, const struct rv_tls_ops *tls, struct rv_tls_context *context,
                                 rv_probe_judge judge);
/* Probes under way end at once with RV_PROBE_TIMEOUT, inside this call. NULL is fine. */
void rv_probe_destroy(struct rv_probe *probe);

/* The daemon's side of reeve-signer: port/signer.h over a small pool of connections to its Unix socket. Blocking, for
 * crypto workers and start-up; safe from several threads at once, each request has a connection of its own. A dead
 * connection is replaced on the next use. What a broken link means depends on when it broke: before the whole request
 * was sent nothing can have happened (RV_UNAVAILABLE), afterwards a signature may have been made (RV_UNCERTAIN): ask for
 * the same bytes again, the signer then signs again. It never sees a key. */
#pragma once
#include "port/clock.h"
#include "port/signer.h"

struct rv_signer_client;
struct rv_signer_client_options {
    const char *socket_path;      /* copied */
    int connections;              /* at most this many at once, others wait; 0: 2 */
    rv_dur timeout;               /* for one request, sending and answer; 0: 30 s */
    const struct rv_clock *clock; /* borrowed: time-outs */
};
/* Connects on first use only, so that it may be made before the signer runs. */
RV_MUST_CHECK enum rv_status rv_signer_client_create(const struct rv_signer_client_options *options,
                                                     struct rv_signer_client **ret, struct rv_error *err);
void rv_signer_client_destroy(struct rv_signer_client *client); /* no request may be under way */
struct rv_signer rv_signer_client_port(struct rv_signer_client *client);
/* Pings until the signer answers or `patience` has passed: for start-up. */
RV_MUST_CHECK enum rv_status rv_signer_client_wait(struct rv_signer_client *client, rv_dur patience, struct rv_error *err);

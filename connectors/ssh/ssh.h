/* The transport over SSH; libssh lives here only. Blocking, on workers of the remote lane; handles are used by one thread
 * at a time, the kind by many. Host keys are pinned by their SHA-256 fingerprints (M-42): no known_hosts file is read or
 * written, no user or system configuration, no agent forwarding, no terminal. It never trusts a host at first sight.
 *
 * Errors of open: RV_DENIED unknown or changed host key, or the login was refused; RV_INVALID a field that cannot be used;
 * RV_UNAVAILABLE nobody there; RV_TIMEOUT. Errors of run: RV_UNCERTAIN once the command may have begun. */
#pragma once
#include "port/clock.h"
#include "port/transport.h"

struct rv_ssh_options {
    const struct rv_clock *clock; /* borrowed */
    rv_dur idle;                  /* an unused connection is kept this long for the next step; 0: 30 s */
};
void rv_ssh_create(const struct rv_ssh_options *options, struct rv_transport_kind *ret);
/* When no handle is open. NULL ctx is fine. */
void rv_ssh_destroy(struct rv_transport_kind *kind);

/* The transport to this very machine: commands run through the process port, as the user that runs Reeve. Blocking, on
 * workers of the remote lane. It holds no state. */
#pragma once
#include "port/process.h"
#include "port/transport.h"

/* process is borrowed as long as the kind is used; nothing to destroy. */
void rv_local_create(const struct rv_process *process, struct rv_transport_kind *ret);

/* Inside connectors/ssh. */
#pragma once
#include <libssh/libssh.h>

#include "ssh/ssh.h"

/* A host's address, checked. */
struct rv_ssh_place {
    char host[254];
    int port;
};

/* A session that is connected to a host whose key is pinned, and logged in: session.c. */
RV_MUST_CHECK enum rv_status rv_ssh_session_open(const struct rv_target_spec *target, const struct rv_clock *clock,
                                                 int64_t deadline, ssh_session *ret, struct rv_error *err);
void rv_ssh_session_close(ssh_session session); /* NULL is fine */
/* Logs in by the target's auth: auth.c. */
RV_MUST_CHECK enum rv_status rv_ssh_login(ssh_session session, const struct rv_target_spec *target, struct rv_error *err);

/* Runs one command: exec.c. *ret_begun is set once the other side may have begun it. */
RV_MUST_CHECK enum rv_status rv_ssh_exec(ssh_session session, const char *const *argv, struct rv_bytes input,
                                         const struct rv_clock *clock, int64_t deadline, struct rv_transport_result *ret,
                                         bool *ret_begun, struct rv_error *err);

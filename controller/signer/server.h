/* The signer's ears: accepts on a Unix socket, takes whole frames off each connection and has the service answer them, one
 * at a time. One thread, poll, no other socket ever. */
#pragma once
#include "signer/service.h"

/* Binds and listens on a Unix socket of mode 0600, in place of one that a dead signer left. RV_CONFLICT when a living one
 * answers there. */
RV_MUST_CHECK enum rv_status rv_server_listen(const char *path, int *ret_fd, struct rv_error *err);
struct rv_server_options {
    int fd; /* listening, or one connected socket; borrowed */
    struct rv_service *service;
    int64_t peer;               /* user that may speak to us besides our own and root; -1: none */
    void (*settled)(void *arg); /* called once, after the request that completed the setup; may be NULL */
    void *arg;
    const volatile int *stop; /* set by a signal that is blocked but in here: finish the request at hand, return */
};
/* Until told to stop, or until the one connection is closed. */
RV_MUST_CHECK enum rv_status rv_server_run(const struct rv_server_options *options, struct rv_error *err);

/* reeved's own TLS certificate: read from the data folder, issued by the built-in CA when it is missing, foreign or near
 * its end, renewed by a timer. Loop thread only. The key is in memory and in DIR/tls/server.key with mode 0600. */
#pragma once
#include "ca/authority.h"
#include "port/files.h"
#include "port/loop.h"
#include "port/tls.h"
#include "port/work.h"

struct rv_own_tls;
struct rv_own_tls_options { /* borrowed as long as the object lives; folder and server_name are copied */
    struct rv_loop *loop;
    struct rv_work *work;
    struct rv_authority *authority;
    const struct rv_files *files;
    const char *folder;      /* the data folder */
    const char *server_name; /* DNS name or IP address, besides localhost and the loopback addresses */
    /* On the loop, later than create: the first context, or the error that there is none; then each renewed one. The
     * context is borrowed. After an error nothing more comes. */
    void (*ready)(void *arg, enum rv_status status, struct rv_tls_context *tls, const struct rv_error *err);
    void *arg;
};
struct rv_own_tls *rv_own_tls_create(const struct rv_own_tls_options *options);
void rv_own_tls_destroy(struct rv_own_tls *own); /* when the authority has stopped; NULL is fine */

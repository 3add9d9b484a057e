/* reeved's own TLS certificate, from its own CA. The key is made here, on the controller, because it is the controller's
 * own (B-32 is about subscribers): P-256, in memory, sealed and stored by the caller. */
#pragma once
#include "base/secret.h"
#include "ca/authority.h"

struct rv_self_request { /* copied */
    const char *const *dns_names;
    size_t dns_count;
    const char *const *ip_addresses;
    size_t ip_count;
    const char *actor;         /* "system" when NULL */
    struct rv_secret *key_pem; /* NULL: a new key; borrowed until done */
};
struct rv_self_result {        /* borrowed during done */
    struct rv_secret *key_pem; /* PKCS#8 PEM, not encrypted; given: the caller destroys it */
    const char *fullchain_pem; /* leaf, then issuing certificate */
    rv_time not_before, not_after;
    char serial[48];
};
typedef void (*rv_self_done)(void *arg, enum rv_status status, const struct rv_self_result *result,
                             const struct rv_error *err);
/* On the loop; done is called once, on the loop. */
void rv_self_issue(struct rv_authority *authority, struct rv_work *work, const struct rv_self_request *request,
                   rv_self_done done, void *arg);

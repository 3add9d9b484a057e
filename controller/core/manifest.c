/* Kinds, labels, and the objects that exist without being declared. */
#include "core/manifest.h"

#include <string.h>
#include <strings.h>

#include "core/manifest_priv.h"

static const struct {
    const char *name, *plural, *help;
} kinds[RV_KIND_COUNT] = {
    [RV_KIND_ISSUER] = {"Issuer", "issuers",
                        "Where certificates come from. The issuer \"internal\" exists without being declared."},
    [RV_KIND_PROFILE] = {"Profile", "profiles",
                         "What certificates may look like: keys, names, lifetime, usages. The profile \"tls-server\" "
                         "exists without being declared."},
    [RV_KIND_TARGET] = {"Target", "targets",
                        "A service that takes certificates: how to reach its host, what kind of server it is, and which "
                        "files its configuration names."},
    [RV_KIND_CERTIFICATE] = {"Certificate", "certificates",
                             "A certificate that should exist, where it should be served, and how that is proved."},
};

const char *rv_kind_name(enum rv_kind kind)
{
    return kinds[kind].name;
}

const char *rv_kind_plural(enum rv_kind kind)
{
    return kinds[kind].plural;
}

const char *rv_kind_help(enum rv_kind kind)
{
    return kinds[kind].help;
}

bool rv_kind_parse(const char *text, enum rv_kind *ret)
{
    for (size_t i = 0; i < RV_KIND_COUNT; i++) {
        if (strcasecmp(text, kinds[i].name) == 0 || strcasecmp(text, kinds[i].plural) == 0) {
            *ret = (enum rv_kind)i;
            return true;
        }
    }
    return false;
}

/* Both are sorted by name: one walk. */
bool rv_labels_match(const struct rv_labels *selector, const struct rv_labels *labels)
{
    size_t at = 0;
    for (size_t i = 0; i < selector->count; i++) {
        while (at < labels->count && strcmp(labels->items[at].name, selector->items[i].name) < 0)
            at++;
        if (at == labels->count || strcmp(labels->items[at].name, selector->items[i].name) != 0 ||
            strcmp(labels->items[at].value, selector->items[i].value) != 0)
            return false;
    }
    return true;
}

static const struct rv_object tls_server = {
    .kind = RV_KIND_PROFILE,
    .name = "tls-server",
    .profile =
        {
            .duration = RV_DAY(90),
            .max_duration = RV_DAY(199),
            .backdate = RV_MIN(5),
            .keys = {.ecdsa_p256 = true, .ecdsa_p384 = true, .ed25519 = true, .rsa_min = 2048, .rsa_max = 4096},
            .names = {.dns = true, .ip = true, .uri = true, .email = true, .wildcards = true, .max_names = 100},
            .common_name = true,
            .server_auth = true,
        },
};
static const struct rv_object internal = {
    .kind = RV_KIND_ISSUER,
    .name = "internal",
    .issuer = {.type = "builtin"},
};

const struct rv_object *rv_builtin_object(enum rv_kind kind, const char *name)
{
    static const struct rv_object *const builtin[] = {&tls_server, &internal};
    for (size_t i = 0; i < RV_COUNT(builtin); i++)
        if (builtin[i]->kind == kind && strcmp(builtin[i]->name, name) == 0)
            return builtin[i];
    return NULL;
}

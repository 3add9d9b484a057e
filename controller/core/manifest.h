/* What operators declare (apiVersion reeve/v1): one struct per kind, and the field tables that check, decode, print and
 * publish them as JSON Schema. JSON in, structs out; YAML and line numbers are conf's. Decoded values live in the
 * arena that was passed. Field names are cert-manager's where the thing is the same. */
#pragma once
#include <stdbool.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/time.h"

#define RV_API_VERSION "reeve/v1"

enum rv_kind { RV_KIND_ISSUER, RV_KIND_PROFILE, RV_KIND_TARGET, RV_KIND_CERTIFICATE, RV_KIND_COUNT }; /* order of applying */
const char *rv_kind_name(enum rv_kind kind);                                                          /* "Certificate" */
const char *rv_kind_plural(enum rv_kind kind); /* "certificates", as in URLs and `reeve get` */
/* Accepts name, plural and lower case; false when unknown. */
bool rv_kind_parse(const char *text, enum rv_kind *ret);

struct rv_label {
    const char *name, *value;
};
struct rv_labels {
    size_t count;
    struct rv_label *items; /* sorted by name */
};
bool rv_labels_match(const struct rv_labels *selector, const struct rv_labels *labels); /* every selector label equal */

struct rv_texts {
    size_t count;
    const char **items;
};

enum rv_mode { RV_MODE_OBSERVE, RV_MODE_PROPOSE, RV_MODE_MANAGE };
enum rv_key_algorithm { RV_KEY_ECDSA, RV_KEY_RSA, RV_KEY_ED25519 };
enum rv_key_rotation { RV_ROTATE_ALWAYS, RV_ROTATE_NEVER };
enum rv_key_place { RV_KEY_ON_TARGET, RV_KEY_ON_CONTROLLER };

struct rv_key_spec {
    enum rv_key_algorithm algorithm;
    int size; /* bits: ECDSA 256 or 384, RSA 2048 to 4096, Ed25519 256 */
    enum rv_key_rotation rotation;
    enum rv_key_place place;
};

/* Renew when this much of the lifetime, or this much time, is left. Exactly one is set. */
struct rv_renew_rule {
    int percent; /* 1 to 90, 0: not given */
    rv_dur before;
};

struct rv_batch { /* one entry of strategy.batches */
    int count;    /* targets, or */
    int percent;  /* of all targets, rounded up; 0: count is meant */
};

struct rv_endpoint_spec {
    const char *address;     /* host:port to connect to */
    const char *server_name; /* SNI and name to check; NULL: the host of address when it is a name, else the first dnsName */
};
struct rv_endpoints {
    size_t count;
    struct rv_endpoint_spec *items;
};

struct rv_certificate_spec {
    struct rv_texts dns_names, ip_addresses, uris, email_addresses; /* normalised (core/names.h) */
    const char *common_name;                                        /* NULL: none in the subject */
    const char *profile;                                            /* default tls-server */
    const char *issuer;                                             /* issuerRef.name, default internal */
    struct rv_key_spec key;
    rv_dur duration; /* 0: the profile's */
    struct rv_renew_rule renew;
    struct rv_labels target_labels; /* deploy.targets.matchLabels */
    struct rv_texts target_names;   /* deploy.targets.names */
    bool has_deploy;
    struct {
        size_t batch_count;
        struct rv_batch *batches; /* default: one target, then all */
        rv_dur soak;
        int max_failed;
        bool undo_auto;
    } strategy;
    struct rv_endpoints verify_endpoints;
    bool verify_per_target; /* default true; false with one target only */
    enum rv_mode mode;
};

struct rv_target_spec {
    const char *connector; /* "local" or "ssh" */
    const char *address;   /* ssh: host[:port], port 22 by default */
    const char *user;
    struct rv_texts host_keys; /* pinned "SHA256:…" fingerprints; at least one for ssh */
    struct {
        const char *key_file, *password_file; /* at most one; paths on the controller */
        bool agent;
    } auth;
    const char *sudo; /* NULL, or the program that raises rights, run as `sudo -n` */
    struct {
        const char *kind;                                /* "nginx" */
        const char *binary;                              /* default nginx */
        const char *config_file;                         /* default: the server's own */
        const char *prefix;                              /* nginx -p; may be NULL */
        const char *certificate_file, *private_key_file; /* what the server's configuration names; {certificate} expands */
    } server;
    const char *directory; /* where the pairs are kept on the target, default /etc/reeve */
    struct rv_endpoints endpoints;
};

struct rv_profile_spec {
    rv_dur duration;     /* default lifetime */
    rv_dur max_duration; /* never longer */
    rv_dur backdate;     /* notBefore this much before now, default 5 m */
    struct {
        bool ecdsa_p256, ecdsa_p384, ed25519;
        int rsa_min, rsa_max; /* bits, 0: RSA refused */
    } keys;
    struct {
        struct rv_texts permitted_dns, excluded_dns; /* as RFC 5280 §4.2.1.10: the name itself and all below */
        bool dns, ip, uri, email, wildcards;         /* which types at all */
        int max_names;                               /* at most 100 */
    } names;
    bool common_name; /* may the subject carry one */
    bool server_auth, client_auth;
};

struct rv_issuer_spec {
    const char *type; /* "builtin" */
};

struct rv_object {
    enum rv_kind kind;
    const char *name, *owner;
    struct rv_labels labels;
    union {
        struct rv_certificate_spec certificate;
        struct rv_target_spec target;
        struct rv_profile_spec profile;
        struct rv_issuer_spec issuer;
    };
};

/* One fault of a document; path is dotted from the document's root: spec.privateKey.size, spec.dnsNames[2]. The array
 * lives in the arena. All faults of a document are found, not only the first (at most 50). */
struct rv_fault {
    const char *path, *message;
    struct rv_fault *next;
};
/* Decodes and checks one document. RV_INVALID with *ret_faults filled when anything is wrong. Unknown fields are
 * faults, with the nearest known name in the message. */
RV_MUST_CHECK enum rv_status rv_object_decode(const json_t *document, struct rv_arena *arena, struct rv_object **ret,
                                              struct rv_fault **ret_faults);
/* The canonical document with every default filled in: what is stored, compared and shown. Given (json_decref). */
json_t *rv_object_encode(const struct rv_object *object);
/* Whether the certificate goes to a target with this name and these labels. */
bool rv_certificate_selects(const struct rv_certificate_spec *spec, const char *target, const struct rv_labels *labels);
/* JSON Schema (2020-12) of one kind, or of any document when kind is RV_KIND_COUNT. Given. */
json_t *rv_object_schema(enum rv_kind kind);
struct rv_buf;
/* docs/reference/manifest.md: every field of every kind. */
void rv_manifest_reference(struct rv_buf *out);

/* Built-in profile and issuer objects that exist without being declared (tls-server; internal). NULL when none. */
const struct rv_object *rv_builtin_object(enum rv_kind kind, const char *name);

/* Checks a set of objects against each other: references, two certificates on one file of a target, a target without
 * endpoints where they are needed, names outside the profile. `lookup` finds objects that are not in the set (borrowed,
 * may be NULL). Faults carry the object index in *ret_objects[i]. */
struct rv_set_fault {
    const struct rv_object *object;
    struct rv_fault fault;
    struct rv_set_fault *next;
};
typedef const struct rv_object *(*rv_object_lookup)(void *ctx, enum rv_kind kind, const char *name);
/* Calls visit for every target object known outside the set. */
typedef void (*rv_object_each)(void *ctx, enum rv_kind kind, void (*visit)(void *arg, const struct rv_object *), void *arg);
RV_MUST_CHECK enum rv_status rv_objects_check(const struct rv_object *const *set, size_t count, rv_object_lookup lookup,
                                              rv_object_each each, void *ctx, struct rv_arena *arena,
                                              struct rv_set_fault **ret_faults);

/* Objects against each other: what they refer to exists, what a certificate asks for is what its profile allows, every
 * target can be proved, and no two certificates want the same files. */
#include <stdlib.h>
#include <string.h>

#include "core/manifest_priv.h"
#include "core/names.h"

/* What a check needs of a target; copied, since objects outside the set live only while they are visited. */
struct target_row {
    const char *name;
    struct rv_labels labels;
    const char *certificate_file, *private_key_file;
    size_t endpoints;
    bool in_set;
};

/* A certificate that goes to a target whose files have fixed names. */
struct claim {
    const struct target_row *target;
    const char *certificate;
    const struct rv_object *object; /* NULL: not in the set */
    struct claim *next;
};

struct checker {
    const struct rv_object *const *set;
    size_t count;
    rv_object_lookup lookup;
    rv_object_each each;
    void *ctx;
    struct rv_arena *arena;
    struct rv_set_fault *first, *last;
    struct target_row *targets;
    size_t target_count, target_cap;
    struct claim *claims;
};

static void fault(struct checker *c, const struct rv_object *object, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void fault(struct checker *c, const struct rv_object *object, const char *path, const char *format, ...)
{
    struct rv_error text;
    va_list args;
    va_start(args, format);
    rv_vfail(&text, RV_INVALID, format, args);
    va_end(args);
    struct rv_set_fault *row = rv_arena_alloc(c->arena, sizeof *row);
    row->object = object;
    row->fault.path = rv_arena_strdup(c->arena, path);
    row->fault.message = rv_arena_strdup(c->arena, text.message);
    if (c->last != NULL)
        c->last->next = row;
    else
        c->first = row;
    c->last = row;
}

static const struct rv_object *in_set(const struct checker *c, enum rv_kind kind, const char *name)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->set[i]->kind == kind && strcmp(c->set[i]->name, name) == 0)
            return c->set[i];
    return NULL;
}

static const struct rv_object *find(const struct checker *c, enum rv_kind kind, const char *name)
{
    const struct rv_object *object = in_set(c, kind, name);
    if (object == NULL && c->lookup != NULL)
        object = c->lookup(c->ctx, kind, name);
    return object != NULL ? object : rv_builtin_object(kind, name);
}

/* ---- a certificate and its profile ---- */

static bool within_any(const char *name, const struct rv_texts *bases, const char **ret)
{
    for (size_t i = 0; i < bases->count; i++) {
        if (rv_dns_within(name, bases->items[i])) {
            *ret = bases->items[i];
            return true;
        }
    }
    return false;
}

static void check_dns_names(struct checker *c, const struct rv_object *o, const struct rv_object *profile)
{
    const struct rv_texts *names = &o->certificate.dns_names;
    const struct rv_profile_spec *p = &profile->profile;
    for (size_t i = 0; p->names.dns && i < names->count; i++) {
        const char *name = names->items[i], *base = "";
        char path[48];
        snprintf(path, sizeof path, "spec.dnsNames[%zu]", i);
        if (name[0] == '*' && !p->names.wildcards)
            fault(c, o, path, "\"%s\" is a wildcard, and profile %s allows none", name, profile->name);
        if (within_any(name, &p->names.excluded_dns, &base))
            fault(c, o, path, "\"%s\" is excluded by profile %s (names within %s)", name, profile->name, base);
        else if (p->names.permitted_dns.count > 0 && !within_any(name, &p->names.permitted_dns, &base))
            fault(c, o, path, "\"%s\" is not permitted by profile %s: expected a name within %s%s", name, profile->name,
                  p->names.permitted_dns.items[0],
                  p->names.permitted_dns.count > 1 ? " or another of its permittedDns" : "");
    }
}

static void check_name_types(struct checker *c, const struct rv_object *o, const struct rv_object *profile)
{
    const struct rv_certificate_spec *s = &o->certificate;
    const struct rv_profile_spec *p = &profile->profile;
    const struct {
        const char *path, *what;
        size_t count;
        bool allowed;
    } types[] = {
        {"spec.dnsNames", "DNS names", s->dns_names.count, p->names.dns},
        {"spec.ipAddresses", "IP addresses", s->ip_addresses.count, p->names.ip},
        {"spec.uris", "URIs", s->uris.count, p->names.uri},
        {"spec.emailAddresses", "e-mail addresses", s->email_addresses.count, p->names.email},
    };
    size_t total = 0;
    for (size_t i = 0; i < RV_COUNT(types); i++) {
        total += types[i].count;
        if (types[i].count > 0 && !types[i].allowed)
            fault(c, o, types[i].path, "profile %s allows no %s", profile->name, types[i].what);
    }
    if (total > (size_t)p->names.max_names)
        fault(c, o, "spec", "%zu names are too many: profile %s allows %d", total, profile->name, p->names.max_names);
}

static bool key_allowed(const struct rv_key_spec *key, const struct rv_profile_spec *p)
{
    switch (key->algorithm) {
    case RV_KEY_ECDSA:
        return key->size == 256 ? p->keys.ecdsa_p256 : p->keys.ecdsa_p384;
    case RV_KEY_RSA:
        return p->keys.rsa_max > 0 && key->size >= p->keys.rsa_min && key->size <= p->keys.rsa_max;
    case RV_KEY_ED25519:
        return p->keys.ed25519;
    }
    return false;
}

/* "P-256, P-384, RSA 2048 to 4096, Ed25519" */
static void keys_text(const struct rv_profile_spec *p, struct rv_buf *out)
{
    static const char comma[] = ", ";
    if (p->keys.ecdsa_p256)
        rv_buf_add_text(out, "ECDSA 256");
    if (p->keys.ecdsa_p384)
        rv_buf_printf(out, "%sECDSA 384", out->len > 0 ? comma : "");
    if (p->keys.rsa_max > 0)
        rv_buf_printf(out, "%sRSA %d to %d", out->len > 0 ? comma : "", p->keys.rsa_min, p->keys.rsa_max);
    if (p->keys.ed25519)
        rv_buf_printf(out, "%sEd25519", out->len > 0 ? comma : "");
}

static void check_profile(struct checker *c, const struct rv_object *o)
{
    const struct rv_certificate_spec *s = &o->certificate;
    const struct rv_object *profile = find(c, RV_KIND_PROFILE, s->profile);
    char a[48], b[48];
    if (profile == NULL) {
        fault(c, o, "spec.profile", "there is no Profile \"%s\": declare it, or use tls-server", s->profile);
        return;
    }
    const struct rv_profile_spec *p = &profile->profile;
    check_name_types(c, o, profile);
    check_dns_names(c, o, profile);
    if (!key_allowed(&s->key, p)) {
        struct rv_buf keys = {0};
        keys_text(p, &keys);
        fault(c, o, "spec.privateKey", "%s %d is not allowed by profile %s: expected %s",
              rv_key_algorithm_name(s->key.algorithm), s->key.size, profile->name, rv_buf_text(&keys));
        rv_buf_fini(&keys);
    }
    if (s->duration > p->max_duration)
        fault(c, o, "spec.duration", "%s is longer than profile %s allows: expected at most %s",
              rv_dur_canonical(a, s->duration), profile->name, rv_dur_canonical(b, p->max_duration));
    if (s->common_name != NULL && !p->common_name)
        fault(c, o, "spec.commonName", "profile %s allows no common name: leave it out", profile->name);
    if (s->duration == 0 && s->renew.before >= p->duration)
        fault(c, o, "spec.renewBefore",
              "%s is not shorter than the lifetime in profile %s (%s): it would be renewed all the time",
              rv_dur_canonical(a, s->renew.before), profile->name, rv_dur_canonical(b, p->duration));
}

/* ---- a certificate and its targets ---- */

static struct rv_labels copy_labels(struct checker *c, const struct rv_labels *labels)
{
    struct rv_labels copy = {.count = labels->count};
    copy.items = rv_arena_alloc(c->arena, (labels->count + 1) * sizeof *copy.items);
    for (size_t i = 0; i < labels->count; i++)
        copy.items[i] = (struct rv_label){rv_arena_strdup(c->arena, labels->items[i].name),
                                          rv_arena_strdup(c->arena, labels->items[i].value)};
    return copy;
}

static void add_target(struct checker *c, const struct rv_object *o, bool is_in_set)
{
    if (c->target_count == c->target_cap) {
        c->target_cap = c->target_cap > 0 ? 2 * c->target_cap : 64;
        c->targets = rv_resize(c->targets, c->target_cap, sizeof *c->targets);
    }
    c->targets[c->target_count++] = (struct target_row){
        .name = rv_arena_strdup(c->arena, o->name),
        .labels = copy_labels(c, &o->labels),
        .certificate_file = rv_arena_strdup(c->arena, o->target.server.certificate_file),
        .private_key_file = rv_arena_strdup(c->arena, o->target.server.private_key_file),
        .endpoints = o->target.endpoints.count,
        .in_set = is_in_set,
    };
}

static void visit_target(void *arg, const struct rv_object *o)
{
    struct checker *c = arg;
    if (o->kind == RV_KIND_TARGET && in_set(c, RV_KIND_TARGET, o->name) == NULL)
        add_target(c, o, false);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct target_row *)a)->name, ((const struct target_row *)b)->name);
}

static void collect_targets(struct checker *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->set[i]->kind == RV_KIND_TARGET && in_set(c, RV_KIND_TARGET, c->set[i]->name) == c->set[i])
            add_target(c, c->set[i], true);
    if (c->each != NULL)
        c->each(c->ctx, RV_KIND_TARGET, visit_target, c);
    if (c->target_count > 0)
        qsort(c->targets, c->target_count, sizeof *c->targets, by_name);
}

bool rv_certificate_selects(const struct rv_certificate_spec *spec, const char *target, const struct rv_labels *labels)
{
    if (!spec->has_deploy)
        return false;
    if (spec->target_labels.count > 0 && rv_labels_match(&spec->target_labels, labels))
        return true;
    for (size_t i = 0; i < spec->target_names.count; i++)
        if (strcmp(spec->target_names.items[i], target) == 0)
            return true;
    return false;
}

static bool selects(const struct rv_certificate_spec *spec, const struct target_row *target)
{
    return rv_certificate_selects(spec, target->name, &target->labels);
}

static bool has_fixed_files(const struct target_row *target)
{
    return strstr(target->certificate_file, "{certificate}") == NULL;
}

static void claim_files(struct checker *c, const struct target_row *target, const struct rv_object *o, bool is_in_set)
{
    struct claim *claim = rv_arena_alloc(c->arena, sizeof *claim);
    *claim = (struct claim){target, rv_arena_strdup(c->arena, o->name), is_in_set ? o : NULL, c->claims};
    c->claims = claim;
}

static size_t count_selected(const struct checker *c, const struct rv_certificate_spec *s)
{
    size_t selected = 0;
    for (size_t i = 0; i < c->target_count; i++)
        selected += selects(s, &c->targets[i]);
    return selected;
}

/* A target needs something that proves it. Behind one name for several nobody knows which of them answered, so each of
 * several needs endpoints of its own. */
static void check_endpoints(struct checker *c, const struct rv_object *o, const struct target_row *target, size_t selected)
{
    const struct rv_certificate_spec *s = &o->certificate;
    if (target->endpoints > 0)
        return;
    if (selected > 1)
        fault(c, o, "spec.deploy.targets",
              "target %s has no endpoints, so it cannot be proved by itself: expected spec.endpoints in it, since there are "
              "%zu targets",
              target->name, selected);
    else if (s->verify_endpoints.count == 0)
        fault(c, o, "spec.verify.endpoints",
              "target %s has no endpoints and neither has the certificate, so nothing could prove it: expected host:port "
              "here or in the target's spec.endpoints",
              target->name);
}

/* The same for a certificate outside the set and a target in it. */
static void check_endpoints_of(struct checker *c, const struct target_row *target, const struct rv_object *certificate)
{
    const struct rv_object *o = in_set(c, RV_KIND_TARGET, target->name);
    size_t selected = count_selected(c, &certificate->certificate);
    if (target->endpoints == 0 && (selected > 1 || certificate->certificate.verify_endpoints.count == 0))
        fault(c, o, "spec.endpoints", "certificate %s goes to this target, and nothing could prove it: expected host:port",
              certificate->name);
    if (selected > 1 && !certificate->certificate.verify_per_target)
        fault(c, o, "metadata", "certificate %s says perTarget: false and goes to %zu targets with this one: expected one",
              certificate->name, selected);
}

static void check_targets(struct checker *c, const struct rv_object *o)
{
    const struct rv_certificate_spec *s = &o->certificate;
    if (!s->has_deploy)
        return;
    for (size_t i = 0; i < s->target_names.count; i++) {
        struct target_row key = {.name = s->target_names.items[i]};
        char path[64];
        snprintf(path, sizeof path, "spec.deploy.targets.names[%zu]", i);
        if (c->target_count == 0 || bsearch(&key, c->targets, c->target_count, sizeof key, by_name) == NULL)
            fault(c, o, path, "there is no Target \"%s\": declare it", key.name);
    }
    size_t selected = count_selected(c, s);
    if (selected > 1 && !s->verify_per_target)
        fault(c, o, "spec.verify.perTarget",
              "%zu targets behind one name cannot be told apart by a handshake: leave perTarget out, and give each target "
              "spec.endpoints",
              selected);
    if (s->target_labels.count > 0 && selected == 0) {
        struct rv_buf labels = {0};
        for (size_t i = 0; i < s->target_labels.count; i++)
            rv_buf_printf(&labels, "%s%s: %s", i == 0 ? "" : ", ", s->target_labels.items[i].name,
                          s->target_labels.items[i].value);
        fault(c, o, "spec.deploy.targets.matchLabels", "no Target has all of {%s}: expected at least one that does",
              rv_buf_text(&labels));
        rv_buf_fini(&labels);
    }
    for (size_t i = 0; i < c->target_count; i++) {
        if (!selects(s, &c->targets[i]))
            continue;
        check_endpoints(c, o, &c->targets[i], selected);
        if (has_fixed_files(&c->targets[i]))
            claim_files(c, &c->targets[i], o, true);
    }
}

/* ---- certificates outside the set, and two on one file ---- */

static bool claimed(const struct checker *c, const struct target_row *target)
{
    for (const struct claim *claim = c->claims; claim != NULL; claim = claim->next)
        if (claim->target == target && claim->object != NULL)
            return true;
    return false;
}

/* Certificates outside the set matter where the set touches: its own targets, and those that its certificates go to. */
static void visit_certificate(void *arg, const struct rv_object *o)
{
    struct checker *c = arg;
    if (o->kind != RV_KIND_CERTIFICATE || in_set(c, RV_KIND_CERTIFICATE, o->name) != NULL)
        return;
    for (size_t i = 0; i < c->target_count; i++) {
        const struct target_row *target = &c->targets[i];
        if (!selects(&o->certificate, target))
            continue;
        if (target->in_set)
            check_endpoints_of(c, target, o);
        if (has_fixed_files(target) && (target->in_set || claimed(c, target)))
            claim_files(c, target, o, false);
    }
}

static bool touches_others(const struct checker *c)
{
    for (size_t i = 0; i < c->target_count; i++)
        if (c->targets[i].in_set || (has_fixed_files(&c->targets[i]) && claimed(c, &c->targets[i])))
            return true;
    return false;
}

static void tell_rivals(struct checker *c, const struct claim *a, const struct claim *b)
{
    static const char text[] = "certificates %s and %s both go to %s of target %s: put {certificate} into the target's "
                               "certificateFile and privateKeyFile, or let only one go there";
    const struct rv_object *target = in_set(c, RV_KIND_TARGET, a->target->name);
    const struct rv_object *told = a->object != NULL ? a->object : b->object != NULL ? b->object : target;
    if (told != NULL)
        fault(c, told, told == target ? "spec.server.certificateFile" : "spec.deploy.targets", text, b->certificate,
              a->certificate, a->target->certificate_file, a->target->name);
}

static void check_rivals(struct checker *c)
{
    for (const struct claim *a = c->claims; a != NULL; a = a->next) {
        for (const struct claim *b = a->next; b != NULL; b = b->next) {
            if (a->target != b->target)
                continue;
            tell_rivals(c, a, b);
            break; /* once per certificate is enough */
        }
    }
}

/* ---- the set ---- */

static void check_twice(struct checker *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (in_set(c, c->set[i]->kind, c->set[i]->name) != c->set[i])
            fault(c, c->set[i], "metadata.name", "%s %s is declared twice", rv_kind_name(c->set[i]->kind), c->set[i]->name);
}

enum rv_status rv_objects_check(const struct rv_object *const *set, size_t count, rv_object_lookup lookup,
                                rv_object_each each, void *ctx, struct rv_arena *arena, struct rv_set_fault **ret_faults)
{
    struct checker c = {.set = set, .count = count, .lookup = lookup, .each = each, .ctx = ctx, .arena = arena};
    check_twice(&c);
    collect_targets(&c);
    for (size_t i = 0; i < count; i++) {
        if (set[i]->kind != RV_KIND_CERTIFICATE)
            continue;
        const char *issuer = set[i]->certificate.issuer;
        check_profile(&c, set[i]);
        if (find(&c, RV_KIND_ISSUER, issuer) == NULL)
            fault(&c, set[i], "spec.issuerRef.name", "there is no Issuer \"%s\": declare it, or use internal", issuer);
        check_targets(&c, set[i]);
    }
    if (each != NULL && touches_others(&c))
        each(ctx, RV_KIND_CERTIFICATE, visit_certificate, &c);
    check_rivals(&c);
    rv_free(c.targets);
    if (c.first == NULL)
        return RV_OK;
    *ret_faults = c.first;
    return RV_INVALID;
}

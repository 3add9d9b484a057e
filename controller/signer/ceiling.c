#include "signer/ceiling.h"

#include "base/json.h"
#include "base/text.h"
#include "core/names.h"
#include "pki/lint.h"

#define NAMES_MAX 64 /* entries in each list of limits.json */

/* The compiled limits: TLS leaf certificates. 200 days are what public TLS still allows (B-01), and plenty inside. */
static const struct rv_profile_spec compiled = {
    .duration = RV_DAY(90),
    .max_duration = RV_DAY(200),
    .keys = {.ecdsa_p256 = true, .ecdsa_p384 = true, .ed25519 = true, .rsa_min = 2048, .rsa_max = 4096},
    .names = {.dns = true, .ip = true, .uri = true, .email = true, .wildcards = true, .max_names = 100},
    .common_name = true, /* the usages are set below */
};
#define BACKDATE RV_HOUR(48) /* notBefore at most this much before signing (B-02), */
#define AHEAD RV_MIN(10)     /* and this much after it: two clocks */

/* A profile says exactly which usages a certificate has; the ceiling is any of these. */
enum { SERVER = 1, CLIENT = 2, BOTH = SERVER | CLIENT };
struct rv_ceiling {
    struct rv_profile *profiles[BOTH + 1]; /* by usages; [0] is NULL */
};

/* ---- limits.json ---- */

static enum rv_status take_duration(const json_t *v, struct rv_profile_spec *spec, struct rv_error *err)
{
    rv_dur d;
    enum rv_status status = json_is_string(v) ? rv_dur_parse(json_string_value(v), &d, err)
                                              : rv_fail(err, RV_INVALID, "expected a duration like \"90d\"");
    if (status == RV_OK && (d < RV_MIN(1) || d > compiled.max_duration))
        return rv_fail(err, RV_INVALID, "expected 1m to 200d: limits can only be made narrower");
    if (status == RV_OK) {
        spec->max_duration = d;
        if (spec->duration > d)
            spec->duration = d;
    }
    return status;
}

static enum rv_status take_names(const json_t *v, struct rv_arena *arena, struct rv_texts *ret, struct rv_error *err)
{
    size_t count = json_array_size(v);
    if (!json_is_array(v) || count == 0 || count > NAMES_MAX)
        return rv_fail(err, RV_INVALID, "expected 1 to %d DNS names", NAMES_MAX);
    const char **items = rv_arena_alloc(arena, count * sizeof *items);
    for (size_t i = 0; i < count; i++) {
        char name[RV_NAME_MAX + 1];
        const json_t *item = json_array_get(v, i);
        if (!json_is_string(item))
            return rv_fail(err, RV_INVALID, "expected DNS names");
        enum rv_status status = rv_name_normalise(RV_NAME_DNS, json_string_value(item), name, err);
        if (status != RV_OK)
            return status;
        items[i] = rv_arena_strdup(arena, name);
    }
    *ret = (struct rv_texts){count, items};
    return RV_OK;
}

static enum rv_status take_count(const json_t *v, struct rv_profile_spec *spec, struct rv_error *err)
{
    if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > compiled.names.max_names)
        return rv_fail(err, RV_INVALID, "expected 1 to %d", compiled.names.max_names);
    spec->names.max_names = (int)json_integer_value(v);
    return RV_OK;
}

static enum rv_status take_limit(const char *name, const json_t *v, struct rv_arena *arena, struct rv_profile_spec *spec,
                                 struct rv_error *err)
{
    if (strcmp(name, "maxDuration") == 0)
        return take_duration(v, spec, err);
    if (strcmp(name, "permittedDns") == 0)
        return take_names(v, arena, &spec->names.permitted_dns, err);
    if (strcmp(name, "excludedDns") == 0)
        return take_names(v, arena, &spec->names.excluded_dns, err);
    if (strcmp(name, "maxNames") == 0)
        return take_count(v, spec, err);
    return rv_fail(err, RV_INVALID, "unknown: expected maxDuration, permittedDns, excludedDns or maxNames");
}

static enum rv_status read_limits(struct rv_bytes text, struct rv_arena *arena, struct rv_profile_spec *spec,
                                  struct rv_error *err)
{
    json_t *limits = NULL;
    enum rv_status status = rv_json_parse(text, &limits, err);
    if (status == RV_OK && !json_is_object(limits))
        status = rv_fail(err, RV_INVALID, "expected an object like {\"maxDuration\": \"90d\"}");
    if (status != RV_OK) {
        json_decref(limits);
        return rv_error_where(err, status, "limits.json");
    }
    const char *name;
    json_t *v;
    json_object_foreach (limits, name, v) {
        status = take_limit(name, v, arena, spec, err);
        if (status != RV_OK) {
            rv_error_where(err, status, "limits.json: %s", name);
            break;
        }
    }
    json_decref(limits);
    return status;
}

enum rv_status rv_ceiling_create(struct rv_bytes limits, struct rv_ceiling **ret, struct rv_error *err)
{
    struct rv_arena *arena = rv_arena_create();
    struct rv_profile_spec spec = compiled;
    struct rv_ceiling *ceiling = rv_zalloc(sizeof *ceiling);
    enum rv_status status = limits.len > 0 ? read_limits(limits, arena, &spec, err) : RV_OK;
    for (int usages = SERVER; usages <= BOTH && status == RV_OK; usages++) {
        spec.server_auth = (usages & SERVER) != 0;
        spec.client_auth = (usages & CLIENT) != 0;
        status = rv_profile_compile("signer-limits", &spec, &ceiling->profiles[usages], err);
    }
    if (status == RV_OK)
        *ret = ceiling;
    else
        rv_ceiling_destroy(ceiling);
    rv_arena_destroy(arena);
    return status;
}

void rv_ceiling_destroy(struct rv_ceiling *ceiling)
{
    if (ceiling == NULL)
        return;
    for (int usages = SERVER; usages <= BOTH; usages++)
        rv_profile_release(ceiling->profiles[usages]);
    rv_free(ceiling);
}

/* ---- checking ---- */

static enum rv_status refuse(struct rv_error *err, const char *rule, const char *text)
{
    rv_fail(err, RV_DENIED, "%s", text);
    return rv_error_where(err, RV_DENIED, "%s", rule);
}

static enum rv_status serial_of(const struct rv_cert_info *info, uint8_t *ret_serial, struct rv_error *err)
{
    uint8_t serial[RV_SERIAL_SIZE];
    size_t n = strlen(info->serial);
    if (n != 2 * sizeof serial || !rv_unhex(serial, sizeof serial, info->serial, n) || serial[0] == 0 || serial[0] > 0x7f)
        return refuse(err, "X-02", "the serial must have 17 octets, the first from 01 to 7f");
    memcpy(ret_serial, serial, sizeof serial);
    return RV_OK;
}

enum rv_status rv_ceiling_read(struct rv_bytes tbs, struct rv_arena *arena, struct rv_cert_info *ret, uint8_t *ret_serial,
                               struct rv_error *err)
{
    enum rv_status status = rv_tbs_read(tbs, arena, ret, err);
    return status == RV_OK ? serial_of(ret, ret_serial, err) : status;
}

enum rv_status rv_ceiling_check(const struct rv_ceiling *ceiling, const struct rv_ca *ca, struct rv_bytes tbs,
                                const struct rv_cert_info *info, rv_time now, struct rv_error *err)
{
    if (info->ca || info->path_length >= 0 || info->cert_sign)
        return refuse(err, "X-25", "it could sign certificates: this signer signs leaf certificates only");
    if (!rv_bytes_equal(info->issuer_der, rv_ca_subject(ca)))
        return refuse(err, "X-04", "its issuer is not the subject of the issuing CA");
    if (!rv_bytes_equal(info->aki, rv_ca_ski(ca)))
        return refuse(err, "X-20", "its authority key identifier is not that of the issuing CA");
    int usages = (info->server_auth ? SERVER : 0) | (info->client_auth ? CLIENT : 0);
    if (!info->has_eku || info->any_usage || usages == 0)
        return refuse(err, "X-28", "extended key usage must be there and name serverAuth or clientAuth only");
    if (info->not_before < rv_ca_not_before(ca) || info->not_after > rv_ca_not_after(ca))
        return refuse(err, "X-06", "it would be valid outside the life of the issuing CA");
    if (info->not_before < now - BACKDATE || info->not_before > now + AHEAD)
        return refuse(err, "B-02", "its notBefore is not near the present time");
    enum rv_status status = rv_profile_check_tbs(ceiling->profiles[usages], tbs, info->not_before, err);
    return status == RV_OK ? rv_lint_tbs(tbs, ca, NULL, err) : status;
}

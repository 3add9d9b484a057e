#include "pki/profile.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/alloc.h"
#include "pki/certificate.h"
#include "pki/extension_priv.h"
#include "pki/profile_priv.h"
#include "pki/subject_priv.h"

#define BACKDATE_SLACK RV_HOUR(1)

struct rv_profile {
    atomic_int references;
    char *name;
    struct rv_profile_spec spec; /* its texts are ours */
    struct rv_buf extensions;
};

static struct rv_texts texts_copy(const struct rv_texts *texts)
{
    struct rv_texts copy = {texts->count, texts->count == 0 ? NULL : rv_calloc(texts->count, sizeof *copy.items)};
    for (size_t i = 0; i < texts->count; i++)
        copy.items[i] = rv_strdup(texts->items[i]);
    return copy;
}

static void texts_free(struct rv_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        rv_free((char *)texts->items[i]);
    rv_free(texts->items);
}

static void build_extensions(struct rv_buf *buf, const struct rv_profile_spec *spec)
{
    /* digitalSignature is all that TLS needs with any key that we take. */
    rv_extension_put(buf, rv_oid_key_usage, true, DER_BYTES("\x03\x02\x07\x80"));
    if (spec->server_auth || spec->client_auth) {
        struct rv_extension_mark e = rv_extension_open(buf, rv_oid_eku, false);
        size_t list = rv_der_open(buf, DER_SEQUENCE);
        if (spec->server_auth)
            rv_der_put(buf, DER_OID, rv_oid_server_auth);
        if (spec->client_auth)
            rv_der_put(buf, DER_OID, rv_oid_client_auth);
        rv_der_close(buf, list);
        rv_extension_close(buf, e);
    }
    rv_extension_put(buf, rv_oid_basic_constraints, true, DER_BYTES("\x30\x00")); /* */
}

enum rv_status rv_profile_compile(const char *name, const struct rv_profile_spec *spec, struct rv_profile **ret,
                                  struct rv_error *err)
{
    const char *fault = NULL;
    if (!spec->keys.ecdsa_p256 && !spec->keys.ecdsa_p384 && !spec->keys.ed25519 && spec->keys.rsa_max == 0)
        fault = "it allows no kind of key";
    else if (spec->keys.rsa_max != 0 &&
             (spec->keys.rsa_min < 2048 || spec->keys.rsa_max > 8192 || spec->keys.rsa_min > spec->keys.rsa_max))
        fault = "its RSA sizes are not between 2048 and 8192";
    else if (!spec->names.dns && !spec->names.ip && !spec->names.uri && !spec->names.email)
        fault = "it allows no kind of name";
    else if (spec->names.max_names < 1 || spec->names.max_names > 100)
        fault = "max_names is not between 1 and 100";
    else if (!spec->server_auth && !spec->client_auth)
        fault = "it allows no usage";
    else if (spec->duration < RV_MIN(1) || spec->max_duration < spec->duration)
        fault = "its duration is shorter than a minute or longer than its maximum";
    else if (spec->backdate < 0 || spec->backdate >= spec->duration || spec->backdate > RV_HOUR(48)) /* B-02 */
        fault = "its backdate is negative, above 48 h, or not below its duration";
    if (fault != NULL)
        return rv_fail(err, RV_INVALID, "profile %s cannot work: %s", name, fault);
    struct rv_profile *p = rv_zalloc(sizeof *p);
    atomic_init(&p->references, 1);
    p->name = rv_strdup(name);
    p->spec = *spec;
    p->spec.names.permitted_dns = texts_copy(&spec->names.permitted_dns);
    p->spec.names.excluded_dns = texts_copy(&spec->names.excluded_dns);
    build_extensions(&p->extensions, spec);
    *ret = p;
    return RV_OK;
}

struct rv_profile *rv_profile_retain(struct rv_profile *profile)
{
    atomic_fetch_add_explicit(&profile->references, 1, memory_order_relaxed);
    return profile;
}

void rv_profile_release(struct rv_profile *profile)
{
    if (profile == NULL || atomic_fetch_sub_explicit(&profile->references, 1, memory_order_acq_rel) != 1)
        return;
    texts_free(&profile->spec.names.permitted_dns);
    texts_free(&profile->spec.names.excluded_dns);
    rv_buf_fini(&profile->extensions);
    rv_free(profile->name);
    rv_free(profile);
}

struct rv_bytes rv_profile_extensions(const struct rv_profile *profile)
{
    return rv_buf_bytes(&profile->extensions);
}

struct rv_wish rv_wish_of_csr(const struct rv_csr *csr)
{
    return (struct rv_wish){.names = &csr->names, .common_name = csr->common_name};
}

void rv_profile_trim(const struct rv_profile *profile, struct rv_wish *wish)
{
    if (!profile->spec.common_name)
        wish->common_name = NULL;
}

enum rv_status rv_profile_check_key(const struct rv_profile *profile, const struct rv_spki *key, struct rv_error *err)
{
    const struct rv_profile_spec *s = &profile->spec;
    bool good = (key->algorithm == RV_KEY_ECDSA && key->bits == 256 && s->keys.ecdsa_p256) ||
                (key->algorithm == RV_KEY_ECDSA && key->bits == 384 && s->keys.ecdsa_p384) ||
                (key->algorithm == RV_KEY_ED25519 && s->keys.ed25519) ||
                (key->algorithm == RV_KEY_RSA && s->keys.rsa_max != 0 && key->bits >= s->keys.rsa_min &&
                 key->bits <= s->keys.rsa_max);
    if (good)
        return RV_OK;
    char text[32], rsa[48] = "";
    if (s->keys.rsa_max != 0)
        snprintf(rsa, sizeof rsa, " RSA %d to %d", s->keys.rsa_min, s->keys.rsa_max);
    enum rv_status status =
        rv_fail(err, RV_DENIED, "profile %s does not allow the key %s", profile->name, rv_spki_text(key, text));
    return rv_error_hint(err, status, "it allows:%s%s%s%s", s->keys.ecdsa_p256 ? " ECDSA P-256" : "",
                         s->keys.ecdsa_p384 ? " ECDSA P-384" : "", s->keys.ed25519 ? " Ed25519" : "", rsa);
}

/* The list for a hint, as much as fits. */
static const char *list_text(const struct rv_texts *texts, char *out, size_t size)
{
    size_t used = 0;
    out[0] = 0;
    for (size_t i = 0; i < texts->count && used < size; i++) {
        int n = snprintf(out + used, size - used, "%s%s", i > 0 ? ", " : "", texts->items[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    return out;
}

static enum rv_status check_dns(const struct rv_profile *profile, const char *text, struct rv_error *err)
{
    const struct rv_profile_spec *s = &profile->spec;
    char list[160];
    if (text[0] == '*' && !s->names.wildcards)
        return rv_fail(err, RV_DENIED, "profile %s does not allow wildcards: %s", profile->name, text);
    for (size_t i = 0; i < s->names.excluded_dns.count; i++)
        if (rv_dns_within(text, s->names.excluded_dns.items[i]))
            return rv_fail(err, RV_DENIED, "profile %s excludes the name %s (it lies within %s)", profile->name, text,
                           s->names.excluded_dns.items[i]);
    /* A wildcard above an excluded name would match it all the same. */
    for (size_t i = 0; text[0] == '*' && i < s->names.excluded_dns.count; i++)
        if (rv_dns_matches(text, s->names.excluded_dns.items[i]))
            return rv_fail(err, RV_DENIED, "profile %s excludes %s, which %s would match", profile->name,
                           s->names.excluded_dns.items[i], text);
    for (size_t i = 0; i < s->names.permitted_dns.count; i++)
        if (rv_dns_within(text, s->names.permitted_dns.items[i]))
            return RV_OK;
    if (s->names.permitted_dns.count == 0)
        return RV_OK;
    enum rv_status status = rv_fail(err, RV_DENIED, "profile %s does not allow the name %s", profile->name, text);
    return rv_error_hint(err, status, "it allows names within: %s", list_text(&s->names.permitted_dns, list, sizeof list));
}

enum rv_status rv_profile_check_name(const struct rv_profile *profile, enum rv_name_type type, const char *text,
                                     struct rv_error *err)
{
    const struct rv_profile_spec *s = &profile->spec;
    const bool allowed[] = {[RV_NAME_DNS] = s->names.dns,
                            [RV_NAME_IP] = s->names.ip,
                            [RV_NAME_URI] = s->names.uri,
                            [RV_NAME_EMAIL] = s->names.email};
    if (!allowed[type]) {
        enum rv_status status = rv_fail(err, RV_DENIED, "profile %s does not allow names of type %s: %s", profile->name,
                                        rv_name_type_text(type), text);
        return rv_error_hint(err, status, "it allows:%s%s%s%s", s->names.dns ? " dns" : "", s->names.ip ? " ip" : "",
                             s->names.uri ? " uri" : "", s->names.email ? " email" : "");
    }
    return type == RV_NAME_DNS ? check_dns(profile, text, err) : RV_OK;
}

static enum rv_status check_names(const struct rv_profile *profile, const struct rv_cert_names *names,
                                  const char *common_name, struct rv_error *err)
{
    const struct rv_profile_spec *s = &profile->spec;
    if (names->count == 0)
        return rv_error_hint(err, rv_fail(err, RV_DENIED, "there is no name to certify"),
                             "put the names into subjectAltName: the common name alone is not looked at");
    if (names->count > (size_t)s->names.max_names)
        return rv_fail(err, RV_DENIED, "%zu names, and profile %s allows at most %d", names->count, profile->name,
                       s->names.max_names);
    for (size_t i = 0; i < names->count; i++) {
        enum rv_status status = rv_profile_check_name(profile, names->items[i].type, names->items[i].text, err);
        if (status != RV_OK)
            return status;
    }
    if (common_name == NULL)
        return RV_OK;
    if (!s->common_name)
        return rv_fail(err, RV_DENIED, "profile %s does not allow a common name: %s", profile->name, common_name);
    if (!rv_cert_names_have(names, RV_NAME_DNS, common_name) && !rv_cert_names_have(names, RV_NAME_IP, common_name))
        return rv_fail(err, RV_DENIED, "the common name %s is not among the names to certify", common_name); /* B-11 */
    return RV_OK;
}

static enum rv_status check_request(const struct rv_profile *profile, const struct rv_csr *csr, struct rv_error *err)
{
    const struct rv_profile_spec *s = &profile->spec;
    if (csr->wants_ca)
        return rv_fail(err, RV_DENIED, "the request asks for a CA certificate, and profile %s makes none", profile->name);
    if (csr->foreign_count > 0)
        return rv_error_hint(err,
                             rv_fail(err, RV_DENIED,
                                     "the request asks for the extension %s, which profile %s does not allow",
                                     csr->foreign[0].oid, profile->name),
                             "a request may carry subjectAltName, keyUsage, extKeyUsage, basicConstraints and "
                             "subjectKeyIdentifier");
    if ((csr->eku_server && !s->server_auth) || (csr->eku_client && !s->client_auth) || csr->eku_other)
        return rv_error_hint(err,
                             rv_fail(err, RV_DENIED,
                                     "the request asks for an extended key usage that profile %s does not allow%s",
                                     profile->name,
                                     csr->eku_other                       ? ""
                                     : csr->eku_server && !s->server_auth ? ": serverAuth"
                                                                          : ": clientAuth"),
                             "it allows:%s%s", s->server_auth ? " serverAuth" : "", s->client_auth ? " clientAuth" : "");
    return RV_OK;
}

static enum rv_status check_duration(const struct rv_profile *profile, rv_dur duration, struct rv_error *err)
{
    char asked[RV_TIME_TEXT], most[RV_TIME_TEXT];
    if (duration < 0 || duration > profile->spec.max_duration)
        return rv_fail(err, RV_DENIED, "a lifetime of %s, and profile %s allows at most %s", rv_dur_text(asked, duration),
                       profile->name, rv_dur_text(most, profile->spec.max_duration));
    return RV_OK;
}

enum rv_status rv_profile_check(const struct rv_profile *profile, const struct rv_csr *csr, const struct rv_wish *wish,
                                struct rv_error *err)
{
    enum rv_status status = check_request(profile, csr, err);
    if (status == RV_OK)
        status = rv_profile_check_key(profile, &csr->key, err);
    if (status == RV_OK)
        status = check_names(profile, wish->names, wish->common_name, err);
    if (status == RV_OK)
        status = check_duration(profile, wish->duration, err);
    return status;
}

static rv_time whole_second(rv_time t)
{
    return t - t % 1000;
}

enum rv_status rv_profile_times(const struct rv_profile *profile, rv_dur wished, rv_time now, rv_time ca_not_after,
                                rv_time *ret_not_before, rv_time *ret_not_after, struct rv_error *err)
{
    enum rv_status status = check_duration(profile, wished, err);
    if (status != RV_OK)
        return status;
    rv_dur lifetime = wished == 0 ? profile->spec.duration : wished;
    if (lifetime <= profile->spec.backdate + RV_SEC(1))
        return rv_fail(err, RV_DENIED, "the lifetime is not longer than the backdate of profile %s", profile->name);
    rv_time not_before = whole_second(now - profile->spec.backdate);
    rv_time not_after = whole_second(not_before + lifetime - RV_SEC(1)); /* both ends are inclusive */
    if (not_after > ca_not_after) {
        char end[RV_TIME_TEXT];
        return rv_error_hint(err,
                             rv_fail(err, RV_DENIED, "the certificate would end after its issuer, which ends at %s",
                                     rv_time_text(end, ca_not_after)),
                             "ask for a shorter duration, or renew the issuing CA");
    }
    *ret_not_before = not_before;
    *ret_not_after = not_after;
    return RV_OK;
}

static enum rv_status check_info(const struct rv_profile *profile, const struct rv_cert_info *info, rv_time now,
                                 struct rv_error *err)
{
    const struct rv_profile_spec *s = &profile->spec;
    struct rv_spki spki;
    if (info->ca)
        return rv_fail(err, RV_DENIED, "a CA certificate, and profile %s makes none", profile->name);
    if (info->server_auth != s->server_auth || info->client_auth != s->client_auth || info->any_usage || info->other_usage)
        return rv_fail(err, RV_DENIED, "its extended key usage is not that of profile %s", profile->name);
    struct rv_buf subject RV_AUTO(rv_buf) = {0};
    rv_subject_put(&subject, NULL, info->common_name);
    if (!rv_bytes_equal(rv_buf_bytes(&subject), info->subject_der))
        return rv_fail(err, RV_DENIED, "its subject carries more than a common name: %s", info->subject);
    rv_time early = now - s->backdate;
    if (info->not_before < early - BACKDATE_SLACK || info->not_before > early + BACKDATE_SLACK)
        return rv_fail(err, RV_DENIED, "its notBefore is not the present time");
    enum rv_status status = check_duration(profile, info->not_after - info->not_before + RV_SEC(1), err);
    if (status == RV_OK)
        status = rv_spki_read(info->spki, &spki, err);
    if (status == RV_OK)
        status = rv_profile_check_key(profile, &spki, err);
    return status == RV_OK ? check_names(profile, &info->names, info->common_name, err) : status;
}

enum rv_status rv_profile_check_tbs(const struct rv_profile *profile, struct rv_bytes tbs, rv_time now, struct rv_error *err)
{
    struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
    struct rv_cert_info info;
    enum rv_status status = rv_tbs_read(tbs, arena, &info, err);
    return status == RV_OK ? check_info(profile, &info, now, err) : status;
}

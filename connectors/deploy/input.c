/* From a binding to the lines that target.sh reads. Two walls (M-40): the grammar here, and quoting there. */
#include "deploy/deploy_priv.h"

#include <stdio.h>

#include "base/text.h"

#define PATH_LIMIT 1024

static const char *const verbs[RV_DEPLOY_VERB_COUNT] = {"observe", "key", "take-key", "stage", "switch", "keep", "undo"};

static bool path_char(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("/._+-,:@=%~ ", c) != NULL);
}

/* No component may be empty, "." or "..": what is written lies below what was named. */
static const char *path_fault(const char *path)
{
    size_t n = strlen(path);
    if (path[0] != '/' || n < 2 || n > PATH_LIMIT)
        return "expected an absolute path";
    for (size_t i = 0; i < n; i++)
        if (!path_char((unsigned char)path[i]))
            return "expected letters, digits, blanks and / . _ + - , : @ = % ~ only";
    for (const char *at = path; *at == '/';) {
        size_t part = strcspn(++at, "/");
        if (part == 0 || (part == 1 && at[0] == '.') || (part == 2 && at[0] == '.' && at[1] == '.'))
            return "expected no empty, . or .. component";
        at += part;
    }
    return NULL;
}

/* A program: an absolute path, or a bare name that PATH finds. */
static const char *program_fault(const char *program)
{
    if (program[0] == '/')
        return path_fault(program);
    size_t n = strlen(program);
    if (n == 0 || n > 64 || program[0] == '-' || program[0] == '.')
        return "expected a program's name or absolute path";
    for (size_t i = 0; i < n; i++)
        if (program[i] == '/' || program[i] == ' ' || !path_char((unsigned char)program[i]))
            return "expected a program's name or absolute path";
    return NULL;
}

static const char *kind_fault(const char *kind)
{
    return strcmp(kind, "nginx") == 0 ? NULL : "expected nginx";
}

static const char *common_name_fault(const char *name)
{
    size_t n = strlen(name);
    if (n > 64)
        return "expected at most 64 characters";
    for (size_t i = 0; i < n; i++)
        if (name[i] == '/' || name[i] == '%' || name[i] == '~' || name[i] == '=' || !path_char((unsigned char)name[i]) ||
            ((i == 0 || i == n - 1) && name[i] == ' '))
            if (name[i] != '*')
                return "expected a host name, or letters, digits, inner blanks and . _ + - , : @";
    return NULL;
}

struct field {
    const char *parameter, *where;
    const char *(*fault)(const char *value);
    const char *value;
    bool needed;
};

static enum rv_status add_field(const struct field *f, struct rv_buf *out, struct rv_error *err)
{
    if (f->value == NULL && !f->needed)
        return RV_OK;
    const char *value = f->value == NULL ? "" : f->value, *fault = f->fault(value);
    if (fault != NULL) {
        enum rv_status status = rv_fail(err, RV_INVALID, "\"%.200s\" cannot be used: %s", value, fault);
        return rv_error_where(err, status, "%s", f->where);
    }
    rv_buf_printf(out, "%s %s\n", f->parameter, value);
    return RV_OK;
}

enum rv_status rv_deploy_expand(const char *pattern, const char *certificate, struct rv_buf *out, struct rv_error *err)
{
    static const char mark[] = "{certificate}";
    size_t before = out->len;
    for (const char *at = pattern; *at != '\0';) {
        const char *next = strstr(at, mark);
        rv_buf_add(out, at, next == NULL ? strlen(at) : (size_t)(next - at));
        if (next == NULL)
            break;
        rv_buf_add_text(out, certificate);
        at = next + sizeof mark - 1;
    }
    const char *fault = path_fault(rv_buf_text(out) + before);
    if (fault == NULL)
        return RV_OK;
    out->len = before;
    return rv_fail(err, RV_INVALID, "\"%.200s\" cannot be used: %s, {certificate} being the certificate's name", pattern,
                   fault);
}

static enum rv_status add_file(const char *parameter, const char *where, const char *pattern, const struct rv_deploy *d,
                               struct rv_buf *path, struct rv_buf *out, struct rv_error *err)
{
    enum rv_status status = pattern == NULL ? rv_fail(err, RV_INVALID,
                                                      "is missing: expected the file that the server's "
                                                      "configuration names")
                                            : rv_deploy_expand(pattern, d->certificate, path, err);
    if (status != RV_OK)
        return rv_error_where(err, status, "%s", where);
    rv_buf_printf(out, "%s %s\n", parameter, rv_buf_text(path));
    return RV_OK;
}

static enum rv_status add_files(const struct rv_deploy *d, struct rv_buf *out, struct rv_error *err)
{
    const struct rv_target_spec *t = d->target_spec;
    RV_AUTO(rv_buf) struct rv_buf certificate = {0}, key = {0}, own = {0};
    enum rv_status status =
        add_file("certificate_file", "spec.server.certificateFile", t->server.certificate_file, d, &certificate, out, err);
    if (status == RV_OK)
        status = add_file("key_file", "spec.server.privateKeyFile", t->server.private_key_file, d, &key, out, err);
    if (status != RV_OK)
        return status;
    if (strcmp(rv_buf_text(&certificate), rv_buf_text(&key)) == 0) {
        rv_fail(err, RV_INVALID, "certificate and key cannot be one file: expected two");
        return rv_error_where(err, RV_INVALID, "spec.server.privateKeyFile");
    }
    rv_buf_printf(&own, "%s/%s/", t->directory, d->certificate);
    if (rv_starts_with(rv_buf_text(&certificate), rv_buf_text(&own)) ||
        rv_starts_with(rv_buf_text(&key), rv_buf_text(&own))) {
        rv_fail(err, RV_INVALID, "the server's files cannot lie in %s, where the pairs are kept", rv_buf_text(&own));
        return rv_error_where(err, RV_INVALID, "spec.server.certificateFile");
    }
    return RV_OK;
}

static void add_key_wish(const struct rv_deploy *d, struct rv_bytes names, struct rv_buf *out)
{
    static const char *const algorithms[] = {[RV_KEY_ECDSA] = "ECDSA", [RV_KEY_RSA] = "RSA", [RV_KEY_ED25519] = "Ed25519"};
    const struct rv_key_spec *key = &d->certificate_spec->key;
    int size = key->algorithm == RV_KEY_ED25519 ? 256 : key->size;
    rv_buf_printf(out, "algorithm %s\nsize %d\nrotation %s\n", algorithms[key->algorithm], size,
                  key->rotation == RV_ROTATE_NEVER ? "Never" : "Always");
    if (names.len > 0) {
        rv_buf_add_text(out, "san ");
        rv_buf_add_hex(out, names);
        rv_buf_add_text(out, "\n");
    }
}

static void add_hash(struct rv_buf *out, const char *parameter, const struct rv_hash *h)
{
    char text[RV_HASH_TEXT];
    if (h != NULL)
        rv_buf_printf(out, "%s %s\n", parameter, rv_hash_hex(text, h));
}

static enum rv_status add_all(const struct rv_deploy *d, const struct rv_deploy_step *step, struct rv_buf *out,
                              struct rv_error *err)
{
    const struct rv_target_spec *t = d->target_spec;
    if (!rv_name_valid(d->certificate))
        return rv_fail(err, RV_INVALID, "\"%.80s\" is not a certificate's name", d->certificate);
    rv_buf_printf(out, "verb %s\ncertificate %s\npatience %lld\n", verbs[step->verb], d->certificate,
                  (long long)((step->patience + 999) / 1000));
    struct field fields[] = {
        {"directory", "spec.directory", path_fault, t->directory, true},
        {"kind", "spec.server.kind", kind_fault, t->server.kind, true},
        {"binary", "spec.server.binary", program_fault, t->server.binary, true},
        {"config", "spec.server.configFile", path_fault, t->server.config_file, false},
        {"prefix", "spec.server.prefix", path_fault, t->server.prefix, false},
        {"sudo", "spec.sudo", program_fault, t->sudo, false},
        {"subject", "spec.commonName", common_name_fault,
         step->verb == RV_DEPLOY_KEY ? d->certificate_spec->common_name : NULL, false},
    };
    enum rv_status status = RV_OK;
    for (size_t i = 0; status == RV_OK && i < RV_COUNT(fields); i++)
        status = add_field(&fields[i], out, err);
    if (status == RV_OK)
        status = add_files(d, out, err);
    RV_AUTO(rv_buf) struct rv_buf names = {0};
    if (status == RV_OK && step->verb == RV_DEPLOY_KEY) {
        status = rv_deploy_names(d->certificate_spec, &names, err);
        if (status == RV_OK)
            add_key_wish(d, rv_buf_bytes(&names), out);
    }
    if (status != RV_OK)
        return status;
    add_hash(out, "fingerprint", step->fingerprint);
    add_hash(out, "spki", step->spki);
    if (step->armed > 0)
        rv_buf_printf(out, "armed %lld\n", (long long)((step->armed + 999) / 1000));
    return RV_OK;
}

enum rv_status rv_deploy_input(const struct rv_deploy *d, const struct rv_deploy_step *step, struct rv_buf *out,
                               struct rv_error *err)
{
    size_t before = out->len;
    enum rv_status status = add_all(d, step, out, err);
    if (status != RV_OK) {
        out->len = before;
        return status;
    }
    rv_buf_add_text(out, "end\n");
    if (step->follow.len > 0) {
        rv_buf_add(out, step->follow.ptr, step->follow.len);
        if (step->follow.ptr[step->follow.len - 1] != '\n')
            rv_buf_add_text(out, "\n");
        rv_buf_add_text(out, "end\n");
    }
    return RV_OK;
}

/* What no single field shows: defaults that depend on others, and fields that do not go together. A check is left out
 * when a field that it reads was found faulty already. */
#include <string.h>

#include "core/manifest_priv.h"
#include "core/names.h"

static const struct {
    const char *name, *sizes;
    int allowed[4]; /* the first is the default */
} algorithms[] = {
    [RV_KEY_ECDSA] = {"ECDSA", "256 or 384", {256, 384}},
    [RV_KEY_RSA] = {"RSA", "2048, 3072 or 4096", {2048, 3072, 4096}},
    [RV_KEY_ED25519] = {"Ed25519", "256, or leave it out", {256}},
};

const char *rv_key_algorithm_name(enum rv_key_algorithm algorithm)
{
    return algorithms[algorithm].name;
}

bool rv_key_size_allowed(enum rv_key_algorithm algorithm, int size)
{
    for (const int *allowed = algorithms[algorithm].allowed; *allowed != 0; allowed++)
        if (*allowed == size)
            return true;
    return false;
}

/* ---- Certificate ---- */

static void finish_key(struct rv_key_spec *key, struct rv_faults *faults)
{
    if (rv_fault_under(faults, "spec.privateKey"))
        return;
    if (key->size == 0)
        key->size = algorithms[key->algorithm].allowed[0];
    if (!rv_key_size_allowed(key->algorithm, key->size))
        rv_fault_add(faults, "spec.privateKey.size", "%d is not allowed for %s: expected %s", key->size,
                     algorithms[key->algorithm].name, algorithms[key->algorithm].sizes);
}

static bool has_name_fault(const struct rv_faults *faults)
{
    return rv_fault_under(faults, "spec.dnsNames") || rv_fault_under(faults, "spec.ipAddresses") ||
           rv_fault_under(faults, "spec.uris") || rv_fault_under(faults, "spec.emailAddresses");
}

static bool listed(const struct rv_texts *texts, const char *text)
{
    for (size_t i = 0; i < texts->count; i++)
        if (strcmp(texts->items[i], text) == 0)
            return true;
    return false;
}

static void check_names(struct rv_certificate_spec *c, struct rv_faults *faults)
{
    if (has_name_fault(faults))
        return;
    if (c->dns_names.count + c->ip_addresses.count + c->uris.count + c->email_addresses.count == 0)
        rv_fault_add(faults, "spec.dnsNames",
                     "is missing: expected at least one name (dnsNames, ipAddresses, uris or emailAddresses)");
    if (c->common_name == NULL)
        return;
    char normal[RV_NAME_MAX + 1]; /* B-11: exactly one of the names */
    bool is_name =
        (rv_name_normalise(RV_NAME_DNS, c->common_name, normal, NULL) == RV_OK && listed(&c->dns_names, normal)) ||
        (rv_name_normalise(RV_NAME_IP, c->common_name, normal, NULL) == RV_OK && listed(&c->ip_addresses, normal));
    if (!is_name)
        rv_fault_add(faults, "spec.commonName",
                     "\"%s\" is not among the names: add it to dnsNames or ipAddresses, or leave commonName out",
                     c->common_name);
    else
        c->common_name = rv_arena_strdup(faults->arena, normal);
}

static void check_deploy(const struct rv_certificate_spec *c, struct rv_faults *faults)
{
    static const char *const modes[] = {"Observe", "Propose", "Manage"};
    bool names = c->target_names.count > 0, labels = c->target_labels.count > 0;
    if (!rv_fault_under(faults, "spec.mode") && !c->has_deploy && c->mode != RV_MODE_OBSERVE &&
        !rv_fault_under(faults, "spec.deploy"))
        rv_fault_add(faults, "spec.deploy", "is missing, and mode %s needs it: declare deploy.targets or mode: Observe",
                     modes[c->mode]);
    if (!c->has_deploy && c->mode == RV_MODE_OBSERVE && c->verify_endpoints.count == 0 &&
        !rv_fault_under(faults, "spec.mode") && !rv_fault_under(faults, "spec.verify") &&
        !rv_fault_under(faults, "spec.deploy"))
        rv_fault_add(faults, "spec.verify.endpoints",
                     "is missing: without deploy there is nothing else to look at, so expected at least one host:port");
    if (!c->has_deploy || rv_fault_under(faults, "spec.deploy.targets"))
        return;
    if (!names && !labels)
        rv_fault_add(faults, "spec.deploy.targets",
                     "it names no target: expected names: [edge-1] or matchLabels: {role: edge}");
    if (names && labels)
        rv_fault_add(faults, "spec.deploy.targets", "it has names and matchLabels: expected one of them");
}

static void finish_certificate(struct rv_object *object, struct rv_faults *faults)
{
    struct rv_certificate_spec *c = &object->certificate;
    finish_key(&c->key, faults);
    check_names(c, faults);
    check_deploy(c, faults);
    char a[48], b[48];
    if (c->duration != 0 && c->renew.before >= c->duration && !rv_fault_under(faults, "spec.renewBefore") &&
        !rv_fault_under(faults, "spec.duration"))
        rv_fault_add(faults, "spec.renewBefore",
                     "%s is not shorter than the lifetime (%s): it would be renewed all the time",
                     rv_dur_canonical(a, c->renew.before), rv_dur_canonical(b, c->duration));
}

/* ---- Target ---- */

static void check_ssh(const struct rv_target_spec *t, struct rv_faults *faults)
{
    int ways = (t->auth.key_file != NULL) + (t->auth.password_file != NULL) + t->auth.agent;
    if (t->address == NULL && !rv_fault_under(faults, "spec.address"))
        rv_fault_add(faults, "spec.address", "is missing, and connector ssh needs it: expected host or host:port");
    if (t->user == NULL && !rv_fault_under(faults, "spec.user"))
        rv_fault_add(faults, "spec.user", "is missing, and connector ssh needs it: expected a login name");
    if (t->host_keys.count == 0 && !rv_fault_under(faults, "spec.hostKeys"))
        rv_fault_add(faults, "spec.hostKeys",
                     "is missing, and connector ssh needs it: expected the fingerprint that \"ssh-keygen -lf "
                     "/etc/ssh/ssh_host_ed25519_key.pub\" prints on the host");
    if (ways != 1 && !rv_fault_under(faults, "spec.auth"))
        rv_fault_add(faults, "spec.auth", "%s: expected one of keyFile, passwordFile and agent: true",
                     ways == 0 ? "is missing, and connector ssh needs it" : "it says more than one way to log in");
}

static void check_local(const struct rv_target_spec *t, struct rv_faults *faults)
{
    static const char text[] = "has no meaning with connector local: leave it out, or use connector: ssh";
    if (t->address != NULL)
        rv_fault_add(faults, "spec.address", text);
    if (t->user != NULL)
        rv_fault_add(faults, "spec.user", text);
    if (t->host_keys.count > 0)
        rv_fault_add(faults, "spec.hostKeys", text);
    if (t->auth.key_file != NULL || t->auth.password_file != NULL || t->auth.agent)
        rv_fault_add(faults, "spec.auth", text);
}

static void finish_target(struct rv_object *object, struct rv_faults *faults)
{
    const struct rv_target_spec *t = &object->target;
    const char *certificate = t->server.certificate_file, *key = t->server.private_key_file;
    if (t->connector != NULL && strcmp(t->connector, "ssh") == 0)
        check_ssh(t, faults);
    else if (t->connector != NULL)
        check_local(t, faults);
    if (certificate == NULL || key == NULL)
        return;
    if (strcmp(certificate, key) == 0)
        rv_fault_add(faults, "spec.server.privateKeyFile", "it is the same file as certificateFile: expected another one");
    else if ((strstr(certificate, "{certificate}") == NULL) != (strstr(key, "{certificate}") == NULL))
        rv_fault_add(
            faults, "spec.server.privateKeyFile",
            "{certificate} is in only one of certificateFile and privateKeyFile: expected it in both or in neither");
}

/* ---- Profile ---- */

static void finish_profile(struct rv_object *object, struct rv_faults *faults)
{
    const struct rv_profile_spec *p = &object->profile;
    char a[48], b[48];
    if (p->duration > p->max_duration && !rv_fault_under(faults, "spec.duration") &&
        !rv_fault_under(faults, "spec.maxDuration"))
        rv_fault_add(faults, "spec.duration", "%s is longer than maxDuration (%s)", rv_dur_canonical(a, p->duration),
                     rv_dur_canonical(b, p->max_duration));
    if (p->backdate >= p->duration && !rv_fault_under(faults, "spec.backdate") && !rv_fault_under(faults, "spec.duration"))
        rv_fault_add(faults, "spec.backdate", "%s is not shorter than duration (%s)", rv_dur_canonical(a, p->backdate),
                     rv_dur_canonical(b, p->duration));
    if (p->keys.rsa_min > p->keys.rsa_max && !rv_fault_under(faults, "spec.keys.rsa"))
        rv_fault_add(faults, "spec.keys.rsa.minSize", "%d is greater than maxSize (%d)", p->keys.rsa_min, p->keys.rsa_max);
    if (!p->keys.ecdsa_p256 && !p->keys.ecdsa_p384 && !p->keys.ed25519 && p->keys.rsa_max == 0 &&
        !rv_fault_under(faults, "spec.keys"))
        rv_fault_add(faults, "spec.keys", "it allows no key at all: expected at least one of ecdsa, rsa and ed25519");
    if (!p->names.dns && !p->names.ip && !p->names.uri && !p->names.email && !rv_fault_under(faults, "spec.names.types"))
        rv_fault_add(faults, "spec.names.types",
                     "it allows no name at all: expected at least one of dns, ip, uri and email");
    if (!p->server_auth && !p->client_auth && !rv_fault_under(faults, "spec.usages"))
        rv_fault_add(faults, "spec.usages", "it is empty: expected server auth, client auth or both");
}

void rv_object_finish(struct rv_object *object, struct rv_faults *faults)
{
    for (const struct rv_fault *f = faults->first; f != NULL; f = f->next)
        if (strcmp(f->path, "spec") == 0) /* missing or no mapping at all: nothing to compare */
            return;
    switch (object->kind) {
    case RV_KIND_CERTIFICATE:
        finish_certificate(object, faults);
        break;
    case RV_KIND_TARGET:
        finish_target(object, faults);
        break;
    case RV_KIND_PROFILE:
        finish_profile(object, faults);
        break;
    case RV_KIND_ISSUER:
    case RV_KIND_COUNT:
        break;
    }
}

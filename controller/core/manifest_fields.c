/* The field tables of the four kinds. */
#include <stddef.h>

#include "core/manifest_priv.h"

#define AT(member) offsetof(struct rv_object, member)

static const char *const yes_no_undo[] = {"manual", "auto", NULL};
static const char *const algorithms[] = {"ECDSA", "RSA", "Ed25519", NULL};
static const char *const rotations[] = {"Always", "Never", NULL};
static const char *const places[] = {"target", "controller", NULL};
static const char *const modes[] = {"Observe", "Propose", "Manage", NULL};
static const char *const strategies[] = {"BlueGreen", NULL};
static const char *const connectors[] = {"local", "ssh", NULL};
static const char *const servers[] = {"nginx", NULL};
static const char *const issuer_types[] = {"builtin", NULL};

/* ---- Issuer ---- */

static const struct rv_field issuer_spec[] = {
    {.name = "type",
     .type = RV_FIELD_WORD,
     .words = issuer_types,
     .store = RV_STORE_TEXT,
     .offset = AT(issuer.type),
     .otherwise = "\"builtin\"",
     .help = "The kind of issuer: `builtin` is the CA that comes with Reeve."},
    {0},
};

/* ---- Profile ---- */

static const struct rv_set_word curves[] = {
    {"P-256", AT(profile.keys.ecdsa_p256)},
    {"P-384", AT(profile.keys.ecdsa_p384)},
    {0},
};
static const struct rv_field rsa_fields[] = {
    {.name = "minSize",
     .type = RV_FIELD_INT,
     .required = true,
     .offset = AT(profile.keys.rsa_min),
     .low = 2048,
     .high = 4096,
     .help = "Smallest size in bits."},
    {.name = "maxSize",
     .type = RV_FIELD_INT,
     .required = true,
     .offset = AT(profile.keys.rsa_max),
     .low = 2048,
     .high = 4096,
     .help = "Largest size in bits."},
    {0},
};
static const struct rv_field keys_fields[] = {
    {.name = "ecdsa", .type = RV_FIELD_SET, .set = curves, .help = "Curves of ECDSA keys. Left out: no ECDSA keys."},
    {.name = "rsa",
     .type = RV_FIELD_GROUP,
     .whole = true,
     .fields = rsa_fields,
     .help = "Sizes of RSA keys. Left out: no RSA keys."},
    {.name = "ed25519",
     .type = RV_FIELD_BOOL,
     .offset = AT(profile.keys.ed25519),
     .otherwise = "false",
     .help = "Whether Ed25519 keys are allowed."},
    {0},
};
static const struct rv_set_word name_types[] = {
    {"dns", AT(profile.names.dns)},
    {"ip", AT(profile.names.ip)},
    {"uri", AT(profile.names.uri)},
    {"email", AT(profile.names.email)},
    {0},
};
static const struct rv_field names_fields[] = {
    {.name = "types",
     .type = RV_FIELD_SET,
     .set = name_types,
     .otherwise = "[\"dns\", \"ip\", \"uri\", \"email\"]",
     .help = "Types of names that certificates may carry."},
    {.name = "wildcards",
     .type = RV_FIELD_BOOL,
     .offset = AT(profile.names.wildcards),
     .otherwise = "true",
     .help = "Whether DNS names may begin with `*.`."},
    {.name = "permittedDns",
     .type = RV_FIELD_TEXTS,
     .rule = RV_TEXT_DNS_BASE,
     .offset = AT(profile.names.permitted_dns),
     .high = 1000,
     .help = "DNS names must equal one of these or lie below it. Left out: all are permitted."},
    {.name = "excludedDns",
     .type = RV_FIELD_TEXTS,
     .rule = RV_TEXT_DNS_BASE,
     .offset = AT(profile.names.excluded_dns),
     .high = 1000,
     .help = "DNS names must neither equal one of these nor lie below it. Wins over `permittedDns`."},
    {.name = "maxNames",
     .type = RV_FIELD_INT,
     .offset = AT(profile.names.max_names),
     .low = 1,
     .high = 100,
     .otherwise = "100",
     .help = "Most names in one certificate."},
    {0},
};
static const struct rv_set_word usages[] = {
    {"server auth", AT(profile.server_auth)},
    {"client auth", AT(profile.client_auth)},
    {0},
};
static const struct rv_field profile_spec[] = {
    {.name = "duration",
     .type = RV_FIELD_DURATION,
     .offset = AT(profile.duration),
     .low = RV_MIN(1),
     .high = RV_DAY(3650),
     .otherwise = "\"90d\"",
     .help = "Lifetime of certificates that do not ask for another."},
    {.name = "maxDuration",
     .type = RV_FIELD_DURATION,
     .offset = AT(profile.max_duration),
     .low = RV_MIN(1),
     .high = RV_DAY(3650),
     .otherwise = "\"199d\"",
     .help = "Longest lifetime that may be asked for."},
    {.name = "backdate",
     .type = RV_FIELD_DURATION,
     .offset = AT(profile.backdate),
     .high = RV_DAY(2),
     .otherwise = "\"5m\"",
     .help = "How long before now certificates begin, for clients whose clocks are slow."},
    {.name = "keys",
     .type = RV_FIELD_GROUP,
     .fields = keys_fields,
     .otherwise = "{\"ecdsa\": [\"P-256\", \"P-384\"], \"rsa\": {\"minSize\": 2048, \"maxSize\": 4096}, \"ed25519\": true}",
     .help = "Which keys are accepted. When it is given, what it does not name is refused."},
    {.name = "names", .type = RV_FIELD_GROUP, .fields = names_fields, .help = "Which names are accepted."},
    {.name = "allowCommonName",
     .type = RV_FIELD_BOOL,
     .offset = AT(profile.common_name),
     .otherwise = "true",
     .help = "Whether the subject may carry a common name (it must be one of the names)."},
    {.name = "usages",
     .type = RV_FIELD_SET,
     .set = usages,
     .otherwise = "[\"server auth\"]",
     .help = "Extended key usages of the certificates."},
    {0},
};

/* ---- Target ---- */

static const struct rv_field auth_fields[] = {
    {.name = "keyFile",
     .type = RV_FIELD_TEXT,
     .rule = RV_TEXT_PATH,
     .offset = AT(target.auth.key_file),
     .help = "Private key for the login, a file on the controller."},
    {.name = "passwordFile",
     .type = RV_FIELD_TEXT,
     .rule = RV_TEXT_PATH,
     .offset = AT(target.auth.password_file),
     .help = "File on the controller that holds the password."},
    {.name = "agent",
     .type = RV_FIELD_BOOL,
     .offset = AT(target.auth.agent),
     .help = "Whether the controller's SSH agent is asked."},
    {0},
};
static const struct rv_field server_fields[] = {
    {.name = "kind",
     .type = RV_FIELD_WORD,
     .required = true,
     .words = servers,
     .store = RV_STORE_TEXT,
     .offset = AT(target.server.kind),
     .help = "Which server it is."},
    {.name = "binary",
     .type = RV_FIELD_TEXT,
     .rule = RV_TEXT_PROGRAM,
     .offset = AT(target.server.binary),
     .otherwise = "\"nginx\"",
     .help = "The server's program, a path or a name found in the PATH of the target."},
    {.name = "configFile",
     .type = RV_FIELD_TEXT,
     .rule = RV_TEXT_PATH,
     .offset = AT(target.server.config_file),
     .help = "Its configuration file. Left out: the one that the program uses by itself."},
    {.name = "prefix",
     .type = RV_FIELD_TEXT,
     .rule = RV_TEXT_PATH,
     .offset = AT(target.server.prefix),
     .help = "Folder that relative paths of the configuration begin at (`nginx -p`)."},
    {.name = "certificateFile",
     .type = RV_FIELD_TEXT,
     .required = true,
     .rule = RV_TEXT_PATH_TEMPLATE,
     .offset = AT(target.server.certificate_file),
     .help = "The certificate file that the configuration names; `{certificate}` stands for the certificate's name."},
    {.name = "privateKeyFile",
     .type = RV_FIELD_TEXT,
     .required = true,
     .rule = RV_TEXT_PATH_TEMPLATE,
     .offset = AT(target.server.private_key_file),
     .help = "The key file that the configuration names; `{certificate}` stands for the certificate's name."},
    {0},
};
static const struct rv_field target_spec[] = {
    {.name = "connector",
     .type = RV_FIELD_WORD,
     .required = true,
     .words = connectors,
     .store = RV_STORE_TEXT,
     .offset = AT(target.connector),
     .help = "How the host is reached: `local` is the controller's own host."},
    {.name = "address",
     .type = RV_FIELD_TEXT,
     .rule = RV_TEXT_HOST,
     .offset = AT(target.address),
     .help = "`ssh`: host or host:port, port 22 when not said."},
    {.name = "user",
     .type = RV_FIELD_TEXT,
     .rule = RV_TEXT_USER,
     .offset = AT(target.user),
     .help = "`ssh`: login name on the host."},
    {.name = "hostKeys",
     .type = RV_FIELD_TEXTS,
     .rule = RV_TEXT_HOST_KEY,
     .offset = AT(target.host_keys),
     .high = 16,
     .help = "`ssh`: fingerprints of the host's keys, as `ssh-keygen -l` prints them. A host that shows another key is "
             "not talked to."},
    {.name = "auth", .type = RV_FIELD_GROUP, .fields = auth_fields, .help = "`ssh`: how to log in, exactly one of these."},
    {.name = "sudo",
     .type = RV_FIELD_TEXT,
     .rule = RV_TEXT_PROGRAM,
     .offset = AT(target.sudo),
     .help = "Program that raises rights on the host, used as `sudo -n`. Left out: the login's own rights are enough."},
    {.name = "server",
     .type = RV_FIELD_GROUP,
     .required = true,
     .fields = server_fields,
     .help = "The server that takes the certificates."},
    {.name = "directory",
     .type = RV_FIELD_TEXT,
     .rule = RV_TEXT_PATH,
     .offset = AT(target.directory),
     .otherwise = "\"/etc/reeve\"",
     .help = "Folder on the host where keys and certificates are kept."},
    {.name = "endpoints",
     .type = RV_FIELD_ENDPOINTS,
     .offset = AT(target.endpoints),
     .high = 64,
     .help = "Where this target serves: each is asked by a handshake whether it serves the certificate."},
    {0},
};

/* ---- Certificate ---- */

static const struct rv_field issuer_ref[] = {
    {.name = "name",
     .type = RV_FIELD_TEXT,
     .rule = RV_TEXT_OBJECT,
     .offset = AT(certificate.issuer),
     .otherwise = "\"internal\"",
     .help = "Name of an Issuer."},
    {0},
};
static const struct rv_field private_key[] = {
    {.name = "algorithm",
     .type = RV_FIELD_WORD,
     .words = algorithms,
     .store = RV_STORE_ENUM,
     .offset = AT(certificate.key.algorithm),
     .otherwise = "\"ECDSA\"",
     .help = "Kind of key."},
    {.name = "size",
     .type = RV_FIELD_INT,
     .offset = AT(certificate.key.size),
     .low = 1,
     .high = 16384,
     .help = "Bits: 256 or 384 for ECDSA (default 256), 2048, 3072 or 4096 for RSA (default 2048), 256 for Ed25519."},
    {.name = "rotationPolicy",
     .type = RV_FIELD_WORD,
     .words = rotations,
     .store = RV_STORE_ENUM,
     .offset = AT(certificate.key.rotation),
     .otherwise = "\"Always\"",
     .help = "`Always` makes a new key for each certificate, `Never` keeps the key as long as it fits."},
    {.name = "generateOn",
     .type = RV_FIELD_WORD,
     .words = places,
     .store = RV_STORE_ENUM,
     .offset = AT(certificate.key.place),
     .otherwise = "\"target\"",
     .help = "Where keys are made. Keys made on the target never leave it."},
    {0},
};
static const struct rv_field deploy_targets[] = {
    {.name = "matchLabels",
     .type = RV_FIELD_LABELS,
     .offset = AT(certificate.target_labels),
     .help = "All targets that carry every one of these labels."},
    {.name = "names",
     .type = RV_FIELD_TEXTS,
     .rule = RV_TEXT_OBJECT,
     .offset = AT(certificate.target_names),
     .high = 1000,
     .help = "The targets of these names."},
    {0},
};
static const struct rv_field strategy[] = {
    {.name = "type",
     .type = RV_FIELD_WORD,
     .words = strategies,
     .otherwise = "\"BlueGreen\"",
     .help = "How a target goes over to a new certificate: both pairs lie there, one step switches, a failed check "
             "switches back."},
    {.name = "batches",
     .type = RV_FIELD_BATCHES,
     .offset = AT(certificate.strategy.batches),
     .low = 1,
     .high = 100,
     .otherwise = "[1, \"100%\"]",
     .help = "Sizes of the batches, one after the other: a number of targets, or a percentage of all of them."},
    {.name = "soak",
     .type = RV_FIELD_DURATION,
     .offset = AT(certificate.strategy.soak),
     .high = RV_DAY(30),
     .otherwise = "\"0s\"",
     .help = "How long a batch must have served well before the next one begins."},
    {.name = "maxFailed",
     .type = RV_FIELD_INT,
     .offset = AT(certificate.strategy.max_failed),
     .low = 1,
     .high = 1000,
     .otherwise = "1",
     .help = "At so many failed targets the rollout stops and a person is needed."},
    {.name = "undo",
     .type = RV_FIELD_WORD,
     .words = yes_no_undo,
     .store = RV_STORE_BOOL,
     .offset = AT(certificate.strategy.undo_auto),
     .otherwise = "\"auto\"",
     .help = "`auto` puts the previous pair back when the new one does not prove itself; `manual` leaves that to a person."},
    {0},
};
static const struct rv_field deploy[] = {
    {.name = "targets",
     .type = RV_FIELD_GROUP,
     .required = true,
     .fields = deploy_targets,
     .help = "Where the certificate goes: either `names` or `matchLabels`."},
    {.name = "strategy", .type = RV_FIELD_GROUP, .fields = strategy, .help = "How it is rolled out."},
    {0},
};
static const struct rv_field verify[] = {
    {.name = "endpoints",
     .type = RV_FIELD_ENDPOINTS,
     .offset = AT(certificate.verify_endpoints),
     .high = 64,
     .help = "Where clients meet the certificate: `host:port`, or `{address, serverName}`."},
    {.name = "perTarget",
     .type = RV_FIELD_BOOL,
     .offset = AT(certificate.verify_per_target),
     .otherwise = "true",
     .help = "Whether a target is proved by endpoints of its own (Target `spec.endpoints`) where it has some; `false` "
             "only with one target, since a name shared by several does not tell which of them answered."},
    {0},
};
static const struct rv_field certificate_spec[] = {
    {.name = "dnsNames",
     .type = RV_FIELD_TEXTS,
     .rule = RV_TEXT_DNS,
     .offset = AT(certificate.dns_names),
     .high = 100,
     .help = "DNS names, international labels in their `xn--` form; the first label may be `*`."},
    {.name = "ipAddresses",
     .type = RV_FIELD_TEXTS,
     .rule = RV_TEXT_IP,
     .offset = AT(certificate.ip_addresses),
     .high = 100,
     .help = "IPv4 and IPv6 addresses."},
    {.name = "uris",
     .type = RV_FIELD_TEXTS,
     .rule = RV_TEXT_URI,
     .offset = AT(certificate.uris),
     .high = 100,
     .help = "Absolute URIs, such as SPIFFE IDs."},
    {.name = "emailAddresses",
     .type = RV_FIELD_TEXTS,
     .rule = RV_TEXT_EMAIL,
     .offset = AT(certificate.email_addresses),
     .high = 100,
     .help = "E-mail addresses."},
    {.name = "commonName",
     .type = RV_FIELD_TEXT,
     .rule = RV_TEXT_COMMON_NAME,
     .offset = AT(certificate.common_name),
     .help = "Common name of the subject: one of `dnsNames` or `ipAddresses`. Left out: the subject is empty."},
    {.name = "profile",
     .type = RV_FIELD_TEXT,
     .rule = RV_TEXT_OBJECT,
     .offset = AT(certificate.profile),
     .otherwise = "\"tls-server\"",
     .help = "Name of a Profile."},
    {.name = "issuerRef", .type = RV_FIELD_GROUP, .fields = issuer_ref, .help = "Who issues it."},
    {.name = "privateKey", .type = RV_FIELD_GROUP, .fields = private_key, .help = "The key and where it is made."},
    {.name = "duration",
     .type = RV_FIELD_DURATION,
     .offset = AT(certificate.duration),
     .low = RV_MIN(1),
     .high = RV_DAY(3650),
     .help = "Lifetime. Left out: the profile's."},
    {.name = "renewBefore",
     .type = RV_FIELD_RENEW,
     .offset = AT(certificate.renew),
     .otherwise = "\"33%\"",
     .help = "Renew when so much of the lifetime is left: a percentage from 1% to 90%, or a duration."},
    {.name = "deploy",
     .type = RV_FIELD_GROUP,
     .whole = true,
     .present = AT(certificate.has_deploy),
     .fields = deploy,
     .help = "Where it goes. Only mode Observe can do without."},
    {.name = "verify", .type = RV_FIELD_GROUP, .fields = verify, .help = "What proves that it is served."},
    {.name = "mode",
     .type = RV_FIELD_WORD,
     .words = modes,
     .store = RV_STORE_ENUM,
     .offset = AT(certificate.mode),
     .otherwise = "\"Manage\"",
     .help = "`Observe` only looks, `Propose` stops at a plan for a person to approve, `Manage` acts."},
    {0},
};

/* ---- what all kinds share ---- */

static const struct rv_field metadata[] = {
    {.name = "name",
     .type = RV_FIELD_TEXT,
     .required = true,
     .rule = RV_TEXT_OBJECT,
     .offset = AT(name),
     .help = "Name of the object, unique in its kind: a to z, 0 to 9, `-` and `.`, at most 63."},
    {.name = "labels", .type = RV_FIELD_LABELS, .offset = AT(labels), .help = "Words to select objects by."},
    {.name = "owner",
     .type = RV_FIELD_TEXT,
     .rule = RV_TEXT_PLAIN,
     .offset = AT(owner),
     .help = "Who answers for it: a team or person."},
    {0},
};
static const char *const api_versions[] = {RV_API_VERSION, NULL};
static const char *const kind_words[RV_KIND_COUNT][2] = {{"Issuer"}, {"Profile"}, {"Target"}, {"Certificate"}};

#define DOCUMENT(kind_, spec_, needs_)                                                                                      \
    {                                                                                                                       \
        {.name = "apiVersion",                                                                                              \
         .type = RV_FIELD_WORD,                                                                                             \
         .required = true,                                                                                                  \
         .words = api_versions,                                                                                             \
         .help = "Version of this format."},                                                                                \
            {.name = "kind",                                                                                                \
             .type = RV_FIELD_WORD,                                                                                         \
             .required = true,                                                                                              \
             .words = kind_words[kind_],                                                                                    \
             .help = "Kind of object."},                                                                                    \
            {.name = "metadata",                                                                                            \
             .type = RV_FIELD_GROUP,                                                                                        \
             .required = true,                                                                                              \
             .fields = metadata,                                                                                            \
             .help = "What the object is called."},                                                                         \
            {.name = "spec", .type = RV_FIELD_GROUP, .required = needs_, .fields = spec_, .help = "What is wanted."},       \
            {.name = "generation", .type = RV_FIELD_READONLY, .help = "Counts the changes of `spec`. Set by the service."}, \
            {.name = "createdAt", .type = RV_FIELD_READONLY, .help = "Set by the service."},                                \
            {.name = "updatedAt", .type = RV_FIELD_READONLY, .help = "Set by the service."}, {0},                           \
    }
static const struct rv_field documents[RV_KIND_COUNT][8] = {
    [RV_KIND_ISSUER] = DOCUMENT(RV_KIND_ISSUER, issuer_spec, false),
    [RV_KIND_PROFILE] = DOCUMENT(RV_KIND_PROFILE, profile_spec, false),
    [RV_KIND_TARGET] = DOCUMENT(RV_KIND_TARGET, target_spec, true),
    [RV_KIND_CERTIFICATE] = DOCUMENT(RV_KIND_CERTIFICATE, certificate_spec, true),
};

const struct rv_field *rv_document_fields(enum rv_kind kind)
{
    return documents[kind];
}

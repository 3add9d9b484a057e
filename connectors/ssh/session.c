/* From a target to a session that may be trusted: address, algorithms, pinned host key. */
#include "ssh/ssh_priv.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/text.h"

/* Modern algorithms only (M-42), those that the libssh of Debian 12 and OpenSSH share. The host key families are tried
 * one after the other when the key that was shown first is not the pinned one: a host has several. */
#define KEX                                                                                                                 \
    "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,"                                 \
    "diffie-hellman-group16-sha512,diffie-hellman-group18-sha512"
#define CIPHERS "chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes128-ctr"
#define MACS "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512"
static const char *const families[] = {"ssh-ed25519", "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384",
                                       "rsa-sha2-512,rsa-sha2-256"};
#define USER_KEYS "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,rsa-sha2-512,rsa-sha2-256"

void rv_ssh_session_close(ssh_session session)
{
    if (session == NULL)
        return;
    if (ssh_is_connected(session))
        ssh_disconnect(session);
    ssh_free(session);
}

static enum rv_status parse(const struct rv_target_spec *target, struct rv_ssh_place *ret, struct rv_error *err)
{
    enum rv_status status = target->address == NULL ? rv_fail(err, RV_INVALID, "is missing: expected host[:port]")
                                                    : rv_hostport_parse(target->address, 22, ret->host, &ret->port, err);
    if (status != RV_OK)
        return rv_error_where(err, status, "spec.address");
    const char *user = target->user == NULL ? "" : target->user;
    size_t n = strlen(user);
    bool fits = n >= 1 && n <= 64 && user[0] != '-';
    for (size_t i = 0; i < n && fits; i++)
        fits = (user[i] >= 'a' && user[i] <= 'z') || (user[i] >= 'A' && user[i] <= 'Z') ||
               (user[i] >= '0' && user[i] <= '9') || strchr("._-@", user[i]) != NULL;
    if (fits)
        return RV_OK;
    status = rv_fail(err, RV_INVALID, "\"%.80s\" is not a user: expected letters, digits and . _ - @, not led by -", user);
    return rv_error_where(err, status, "spec.user");
}

static int set_options(ssh_session s, const struct rv_ssh_place *place, const char *user, const char *host_keys, rv_dur left)
{
    long seconds = (long)(left / 1000), micros = (long)(left % 1000 * 1000);
    unsigned port = (unsigned)place->port;
    int off = 0, on = 1;
    struct {
        enum ssh_options_e option;
        const void *value;
    } options[] = {
        {SSH_OPTIONS_PROCESS_CONFIG, &(bool){false}},
        {SSH_OPTIONS_HOST, place->host},
        {SSH_OPTIONS_PORT, &port},
        {SSH_OPTIONS_USER, user},
        {SSH_OPTIONS_TIMEOUT, &seconds},
        {SSH_OPTIONS_TIMEOUT_USEC, &micros},
        {SSH_OPTIONS_KNOWNHOSTS, "/dev/null"},
        {SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null"},
        {SSH_OPTIONS_KEY_EXCHANGE, KEX},
        {SSH_OPTIONS_HOSTKEYS, host_keys},
        {SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES, USER_KEYS},
        {SSH_OPTIONS_CIPHERS_C_S, CIPHERS},
        {SSH_OPTIONS_CIPHERS_S_C, CIPHERS},
        {SSH_OPTIONS_HMAC_C_S, MACS},
        {SSH_OPTIONS_HMAC_S_C, MACS},
        {SSH_OPTIONS_COMPRESSION, "no"},
        {SSH_OPTIONS_NODELAY, &on},
        {SSH_OPTIONS_GSSAPI_DELEGATE_CREDENTIALS, &off},
    };
    for (size_t i = 0; i < RV_COUNT(options); i++)
        if (ssh_options_set(s, options[i].option, options[i].value) < 0)
            return -1;
    return 0;
}

/* "SHA256:…" of the key that the host showed. */
static bool shown_key(ssh_session s, char out[static 64])
{
    ssh_key key = NULL;
    unsigned char *hash = NULL;
    size_t n = 0;
    char *text = NULL;
    if (ssh_get_server_publickey(s, &key) == SSH_OK &&
        ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &n) == 0)
        text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, n);
    bool ok = text != NULL && strlen(text) < 64;
    if (ok)
        memcpy(out, text, strlen(text) + 1);
    ssh_string_free_char(text);
    ssh_clean_pubkey_hash(&hash);
    ssh_key_free(key);
    return ok;
}

static bool pinned(const struct rv_target_spec *target, const char *shown)
{
    for (size_t i = 0; i < target->host_keys.count; i++)
        if (strcmp(target->host_keys.items[i], shown) == 0)
            return true;
    return false;
}

static enum rv_status refuse_host(const struct rv_target_spec *target, const struct rv_ssh_place *place, const char *shown,
                                  struct rv_error *err)
{
    if (target->host_keys.count == 0) {
        rv_fail(err, RV_DENIED, "the host key of %s is not known: it showed %s", place->host, shown);
        return rv_error_hint(err, RV_DENIED,
                             "compare it on the host itself (ssh-keygen -lf), then declare hostKeys: [\"%s\"]", shown);
    }
    rv_fail(
        err, RV_DENIED,
        "ALARM: the host key of %s has CHANGED: it showed %s, pinned is %s; either the host was set up anew, or somebody "
        "stands in between. Nothing was sent",
        place->host, shown, target->host_keys.items[0]);
    return rv_error_hint(err, RV_DENIED,
                         "find out which; only when the host was set up anew, declare its new key in hostKeys");
}

/* What libssh says, as one of our kinds. */
static enum rv_status connect_failed(ssh_session s, const struct rv_ssh_place *place, bool late, struct rv_error *err)
{
    const char *text = ssh_get_error(s);
    if (late || strstr(text, "imeout") != NULL || strstr(text, "imed out") != NULL)
        return rv_fail(err, RV_TIMEOUT, "%s port %d did not answer in time", place->host, place->port);
    rv_fail(err, RV_UNAVAILABLE, "no SSH connection to %s port %d: %.200s", place->host, place->port, text);
    return rv_error_hint(err, RV_UNAVAILABLE, "see whether the host is up, and whether sshd listens there");
}

/* A dead link shows within half a minute, whatever else happens. */
static void watch_link(ssh_session s)
{
    int fd = ssh_get_fd(s), on = 1, dead = 30000, probe = 15;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &probe, sizeof probe);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead, sizeof dead);
}

struct attempt {
    const struct rv_target_spec *target;
    struct rv_ssh_place place;
    const struct rv_clock *clock;
    int64_t deadline;
    char shown[64]; /* the last host key that was not the pinned one */
};

/* One connection with one choice of host key families. RV_NOT_FOUND: connected, but the host showed another key, or has
 * none of these families. */
static enum rv_status connect_once(struct attempt *a, const char *host_keys, ssh_session *ret, struct rv_error *err)
{
    rv_dur left = a->deadline - rv_mono(a->clock);
    if (left <= 0)
        return rv_fail(err, RV_TIMEOUT, "%s port %d did not answer in time", a->place.host, a->place.port);
    ssh_session s = ssh_new();
    if (s == NULL)
        rv_out_of_memory(sizeof s);
    enum rv_status status = RV_OK;
    if (set_options(s, &a->place, a->target->user, host_keys, left) != 0) {
        status = rv_fail(err, RV_INTERNAL, "libssh refused an option: %.200s", ssh_get_error(s));
    } else if (ssh_connect(s) != SSH_OK) {
        status = strstr(ssh_get_error(s), "no match for method server host key") != NULL
                     ? RV_NOT_FOUND
                     : connect_failed(s, &a->place, rv_mono(a->clock) >= a->deadline, err);
    } else {
        char shown[sizeof a->shown];
        watch_link(s);
        if (!shown_key(s, shown)) {
            status = rv_fail(err, RV_UNAVAILABLE, "%s showed no host key", a->place.host);
        } else if (!pinned(a->target, shown)) {
            memcpy(a->shown, shown, sizeof shown);
            status = RV_NOT_FOUND;
        }
    }
    if (status != RV_OK) {
        rv_ssh_session_close(s);
        return status;
    }
    *ret = s;
    return RV_OK;
}

static enum rv_status connect_pinned(struct attempt *a, ssh_session *ret, struct rv_error *err)
{
    char all[256];
    snprintf(all, sizeof all, "%s,%s,%s", families[0], families[1], families[2]);
    enum rv_status status = connect_once(a, all, ret, err);
    for (size_t i = 0; status == RV_NOT_FOUND && a->target->host_keys.count > 0 && i < RV_COUNT(families); i++) {
        char first[sizeof a->shown];
        memcpy(first, a->shown, sizeof first);
        status = connect_once(a, families[i], ret, err);
        if (first[0] != '\0')
            memcpy(a->shown, first, sizeof first); /* tell of the one that it prefers */
    }
    if (status != RV_NOT_FOUND)
        return status;
    if (a->shown[0] == '\0')
        return rv_fail(err, RV_UNAVAILABLE,
                       "%s offers no host key of a kind that is accepted: Ed25519, ECDSA, or RSA with SHA-2", a->place.host);
    return refuse_host(a->target, &a->place, a->shown, err);
}

enum rv_status rv_ssh_session_open(const struct rv_target_spec *target, const struct rv_clock *clock, int64_t deadline,
                                   ssh_session *ret, struct rv_error *err)
{
    struct attempt a = {.target = target, .clock = clock, .deadline = deadline};
    enum rv_status status = parse(target, &a.place, err);
    if (status != RV_OK)
        return status;
    ssh_session s = NULL;
    status = connect_pinned(&a, &s, err);
    if (status == RV_OK)
        status = rv_ssh_login(s, target, err);
    if (status != RV_OK) {
        rv_ssh_session_close(s);
        return status;
    }
    *ret = s;
    return RV_OK;
}

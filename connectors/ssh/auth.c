/* Logging in: by key file, agent, or password file. Exactly what the target says is tried, nothing else. */
#include "ssh/ssh_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"

#define SECRET_LIMIT 16384

/* A file with a secret must be a regular one that nobody else may read. */
static enum rv_status read_secret(const char *path, const char *where, struct rv_secret **ret, struct rv_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    enum rv_status status = RV_OK;
    if (fd < 0 || fstat(fd, &st) != 0) {
        status = rv_fail_errno(err, errno, "%s cannot be read", path);
        if (status == RV_NOT_FOUND)
            status = err == NULL ? RV_INVALID : (err->status = RV_INVALID);
    } else if (!S_ISREG(st.st_mode)) {
        status = rv_fail(err, RV_INVALID, "%s is not a regular file", path);
    } else if ((st.st_mode & 077) != 0) {
        status = rv_fail(err, RV_DENIED, "%s may be read by others (mode %03o)", path, (unsigned)st.st_mode & 0777);
        rv_error_hint(err, status, "chmod 600 %s", path);
    } else if (st.st_size < 1 || st.st_size > SECRET_LIMIT) {
        status = rv_fail(err, RV_INVALID, "%s is empty or larger than %d bytes", path, SECRET_LIMIT);
    } else {
        struct rv_secret *secret = rv_secret_create(NULL, (size_t)st.st_size + 1); /* with a NUL behind */
        ssize_t n = read(fd, rv_secret_data(secret), (size_t)st.st_size);
        if (n == st.st_size) {
            *ret = secret;
        } else {
            rv_secret_destroy(secret);
            status = rv_fail(err, RV_UNAVAILABLE, "%s changed while it was read", path);
        }
    }
    if (fd >= 0)
        close(fd);
    return status == RV_OK ? RV_OK : rv_error_where(err, status, "%s", where);
}

static enum rv_status judge(ssh_session s, int answer, const char *what, const char *user, struct rv_error *err)
{
    switch (answer) {
    case SSH_AUTH_SUCCESS:
        return RV_OK;
    case SSH_AUTH_DENIED:
        rv_fail(err, RV_DENIED, "the host refused the login of user %s by %s", user, what);
        return rv_error_hint(err, RV_DENIED, "see whether %s is accepted for this user on the host", what);
    case SSH_AUTH_PARTIAL:
        return rv_fail(err, RV_DENIED, "the host wants a second proof besides %s", what);
    default:
        return rv_fail(err, RV_UNAVAILABLE, "the login of user %s broke off: %.200s", user, ssh_get_error(s));
    }
}

static enum rv_status by_key_file(ssh_session s, const struct rv_target_spec *t, struct rv_error *err)
{
    RV_AUTO(rv_secret) struct rv_secret *text = NULL;
    enum rv_status status = read_secret(t->auth.key_file, "spec.auth.keyFile", &text, err);
    if (status != RV_OK)
        return status;
    ssh_key key = NULL;
    if (ssh_pki_import_privkey_base64((const char *)rv_secret_data(text), "", NULL, NULL, &key) != SSH_OK) {
        status = rv_fail(err, RV_INVALID, "%s is not a private key without passphrase", t->auth.key_file);
        rv_error_hint(err, status, "give a plain OpenSSH or PEM key, or load it into an agent and set auth: {agent: true}");
        return rv_error_where(err, status, "spec.auth.keyFile");
    }
    status = judge(s, ssh_userauth_publickey(s, NULL, key), "key file", t->user, err);
    ssh_key_free(key);
    return status;
}

static enum rv_status by_agent(ssh_session s, const struct rv_target_spec *t, struct rv_error *err)
{
    if (getenv("SSH_AUTH_SOCK") == NULL) {
        enum rv_status status = rv_fail(err, RV_INVALID, "no SSH agent: SSH_AUTH_SOCK is not set");
        return rv_error_where(err, status, "spec.auth.agent");
    }
    return judge(s, ssh_userauth_agent(s, NULL), "agent", t->user, err);
}

/* Hosts that ask for the password in a dialogue of one hidden question. */
static int by_dialogue(ssh_session s, const char *password)
{
    int answer = ssh_userauth_kbdint(s, NULL, NULL);
    for (int round = 0; answer == SSH_AUTH_INFO && round < 4; round++) {
        int prompts = ssh_userauth_kbdint_getnprompts(s);
        char echo = 1;
        if (prompts > 1 || (prompts == 1 && (ssh_userauth_kbdint_getprompt(s, 0, &echo) == NULL || echo != 0)))
            return SSH_AUTH_DENIED;
        if (prompts == 1 && ssh_userauth_kbdint_setanswer(s, 0, password) < 0)
            return SSH_AUTH_ERROR;
        answer = ssh_userauth_kbdint(s, NULL, NULL);
    }
    return answer == SSH_AUTH_INFO ? SSH_AUTH_DENIED : answer;
}

static enum rv_status by_password(ssh_session s, const struct rv_target_spec *t, struct rv_error *err)
{
    RV_AUTO(rv_secret) struct rv_secret *text = NULL;
    enum rv_status status = read_secret(t->auth.password_file, "spec.auth.passwordFile", &text, err);
    if (status != RV_OK)
        return status;
    char *password = (char *)rv_secret_data(text);
    password[strcspn(password, "\r\n")] = '\0';
    int answer = ssh_userauth_none(s, NULL); /* fills the list of what the host takes */
    if (answer == SSH_AUTH_DENIED) {
        int methods = ssh_userauth_list(s, NULL);
        if ((methods & SSH_AUTH_METHOD_PASSWORD) != 0)
            answer = ssh_userauth_password(s, NULL, password);
        if (answer == SSH_AUTH_DENIED && (methods & SSH_AUTH_METHOD_INTERACTIVE) != 0)
            answer = by_dialogue(s, password);
    }
    return judge(s, answer, "password", t->user, err);
}

enum rv_status rv_ssh_login(ssh_session s, const struct rv_target_spec *t, struct rv_error *err)
{
    if (t->auth.key_file != NULL)
        return by_key_file(s, t, err);
    if (t->auth.password_file != NULL)
        return by_password(s, t, err);
    if (t->auth.agent)
        return by_agent(s, t, err);
    enum rv_status status = rv_fail(err, RV_INVALID, "says no way to log in: expected keyFile, passwordFile or agent");
    return rv_error_where(err, status, "spec.auth");
}

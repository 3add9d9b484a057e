#include "support/target_lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "port/clock.h"
#include "port/process.h"

#define START_LIMIT RV_SEC(20)

static rv_time now(void)
{
    return rv_mono(&rv_clock_system);
}

void rv_lab_pause(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("target_lab: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

/* ---- programs */

int rv_lab_run(const char *const *argv, struct rv_bytes input, struct rv_buf *out)
{
    struct rv_process_spec spec = {.argv = argv, .input = input, .output_limit = 1 << 20, .timeout = RV_SEC(60)};
    struct rv_process_result result = {.exit_code = -1};
    struct rv_error err;
    if (rv_process_system.ops->run(rv_process_system.ctx, &spec, &result, &err) != RV_OK) {
        complain("%s: %s", argv[0], err.message);
        return -1;
    }
    if (out != NULL)
        rv_buf_add(out, result.out.data, result.out.len);
    if (result.exit_code != 0 && result.err.len > 0 && getenv("REEVE_TEST_VERBOSE") != NULL)
        complain("%s: %s", argv[0], rv_buf_text(&result.err));
    int code = result.exit_code;
    rv_process_result_fini(&result);
    return code;
}

static bool run_ok(const char *const *argv)
{
    if (rv_lab_run(argv, (struct rv_bytes){0}, NULL) == 0)
        return true;
    complain("%s %s %s failed", argv[0], argv[1], argv[2]);
    return false;
}

pid_t rv_lab_start(const struct rv_lab *lab, const char *log, const char *const *argv)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1);
    char path[280];
    snprintf(path, sizeof path, "%s/%s", lab->root, log);
    int out = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600), in = open("/dev/null", O_RDONLY);
    dup2(in, 0);
    dup2(out, 1);
    dup2(out, 2);
    for (int fd = 3; fd < 256; fd++)
        close(fd);
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

void rv_lab_end(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGTERM);
    for (rv_time until = now() + RV_SEC(5); now() < until; rv_lab_pause())
        if (waitpid(pid, NULL, WNOHANG) == pid)
            return;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* ---- ports */

static int free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int port = fd >= 0 && bind(fd, (struct sockaddr *)&a, n) == 0 && getsockname(fd, (struct sockaddr *)&a, &n) == 0
                   ? ntohs(a.sin_port)
                   : -1;
    if (fd >= 0)
        close(fd);
    return port;
}

static bool answers(int port, const char *greeting)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
    if (ok && greeting != NULL) {
        char text[32] = "";
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ok = poll(&p, 1, 5000) == 1 && read(fd, text, sizeof text - 1) > 0 && strncmp(text, greeting, strlen(greeting)) == 0;
    }
    if (fd >= 0)
        close(fd);
    return ok;
}

/* True once it answers; false when it ended (the port may have been taken) or the time is over. */
static bool comes_up(pid_t *pid, int port, const char *greeting)
{
    for (rv_time until = now() + START_LIMIT; now() < until; rv_lab_pause()) {
        if (waitpid(*pid, NULL, WNOHANG) == *pid) {
            *pid = 0;
            return false;
        }
        if (answers(port, greeting))
            return true;
    }
    return false;
}

/* ---- files */

void rv_lab_write(const struct rv_lab *lab, const char *path, const char *text, unsigned mode)
{
    char to[400], fresh[420];
    snprintf(to, sizeof to, "%s/%s", lab->root, path);
    snprintf(fresh, sizeof fresh, "%s.lab", to);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    size_t n = strlen(text);
    if (fd < 0 || write(fd, text, n) != (ssize_t)n || fchmod(fd, mode) != 0 || rename(fresh, to) != 0)
        complain("%s: %s", to, strerror(errno));
    if (fd >= 0)
        close(fd);
}

static bool read_file(const char *path, struct rv_buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n;
    while ((n = read(fd, rv_buf_reserve(out, 4096), 4096)) > 0)
        out->len += (size_t)n;
    rv_buf_reserve(out, 1)[0] = '\0';
    close(fd);
    return n == 0;
}

static void complain_log(const struct rv_lab *lab, const char *program)
{
    char path[280];
    RV_AUTO(rv_buf) struct rv_buf text = {0};
    snprintf(path, sizeof path, "%s/%s.out", lab->root, program);
    complain("%s does not start: %s", program, read_file(path, &text) ? rv_buf_text(&text) : "it said nothing");
}

static void make_dir(const struct rv_lab *lab, const char *name)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", lab->root, name);
    if (mkdir(path, 0755) != 0)
        complain("%s: %s", path, strerror(errno));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* ---- the server */

void rv_lab_break_configuration(struct rv_lab *lab, bool broken)
{
    RV_AUTO(rv_buf) struct rv_buf text = {0};
    const char *r = lab->root;
    rv_buf_printf(&text,
                  "daemon off;\nworker_processes 2;\npid %s/nginx.pid;\nerror_log %s/nginx.log notice;\n%s"
                  "events { worker_connections 256; }\nhttp {\n  access_log off;\n"
                  "  client_body_temp_path %s/tmp/a; proxy_temp_path %s/tmp/b; fastcgi_temp_path %s/tmp/c;\n"
                  "  uwsgi_temp_path %s/tmp/d; scgi_temp_path %s/tmp/e;\n"
                  "  server {\n    listen 127.0.0.1:%d ssl;\n    server_name %s;\n"
                  "    ssl_certificate %s/tls/%s.crt;\n    ssl_certificate_key %s/tls/%s.key;\n"
                  "    location / { return 200 \"ok\\n\"; }\n  }\n}\n%s",
                  r, r, geteuid() == 0 ? "user nobody nogroup;\n" : "", r, r, r, r, r, lab->https_port, lab->name, r,
                  lab->certificate, r, lab->certificate, broken ? "somebody_else_was_here;\n" : "");
    rv_lab_write(lab, "nginx.conf", rv_buf_text(&text), 0644);
}

void rv_lab_fault(struct rv_lab *lab, const char *fault)
{
    rv_lab_write(lab, "fault", fault, 0644);
}

static void write_wrapper(struct rv_lab *lab)
{
    RV_AUTO(rv_buf) struct rv_buf text = {0};
    rv_buf_printf(&text,
                  "#!/bin/sh\nfault=$(cat '%s/fault')\ncase \"$fault/$*\" in\n"
                  "reload-fails/*reload) echo 'reload: the lab says no' >&2; exit 1 ;;\n"
                  "reload-hangs/*reload) sleep 600 ;;\n"
                  "reload-ignored/*reload) exit 0 ;;\n"
                  "check-slow/*-t) sleep 1.5 ;;\n"
                  "check-fails-with*-t)\n"
                  "  case $(readlink '%s/%s/current') in *\"${fault#check-fails-with }\")\n"
                  "    echo 'check: the lab refuses this pair' >&2; exit 1 ;; esac ;;\n"
                  "esac\nexec nginx \"$@\"\n",
                  lab->root, lab->directory, lab->certificate);
    rv_lab_write(lab, "server", rv_buf_text(&text), 0755);
    rv_lab_fault(lab, "");
}

static bool make_foreign_pair(struct rv_lab *lab)
{
    char crt[320], key[320], subject[96], san[96];
    snprintf(crt, sizeof crt, "%s/tls/%s.crt", lab->root, lab->certificate);
    snprintf(key, sizeof key, "%s/tls/%s.key", lab->root, lab->certificate);
    snprintf(subject, sizeof subject, "/CN=%s", lab->name);
    snprintf(san, sizeof san, "subjectAltName=DNS:%s", lab->name);
    const char *argv[] = {"openssl", "req",   "-x509",   "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                          "-nodes",  "-days", "9",       "-keyout", key,  "-out",     crt,
                          "-subj",   subject, "-addext", san,       NULL};
    return run_ok(argv) && chmod(key, 0600) == 0;
}

static bool start_nginx(struct rv_lab *lab)
{
    char config[280];
    snprintf(config, sizeof config, "%s/nginx.conf", lab->root);
    for (int attempt = 0; attempt < 5; attempt++) {
        lab->https_port = free_port();
        rv_lab_break_configuration(lab, false);
        const char *argv[] = {"nginx", "-p", lab->root, "-c", config, "-e", "stderr", NULL};
        lab->nginx = rv_lab_start(lab, "nginx.out", argv);
        if (comes_up(&lab->nginx, lab->https_port, NULL))
            return true;
        rv_lab_end(lab->nginx);
    }
    complain_log(lab, "nginx");
    return false;
}

/* ---- the login */

static bool make_ssh_key(const struct rv_lab *lab, const char *type, const char *name)
{
    char path[280];
    snprintf(path, sizeof path, "%s/%s", lab->root, name);
    const char *argv[] = {"ssh-keygen", "-q", "-t", type, "-N", "", "-C", "lab", "-f", path, NULL};
    return run_ok(argv);
}

static bool read_host_key(struct rv_lab *lab, const char *name, char ret[static 80])
{
    char path[280];
    snprintf(path, sizeof path, "%s/%s.pub", lab->root, name);
    const char *argv[] = {"ssh-keygen", "-l", "-E", "sha256", "-f", path, NULL};
    RV_AUTO(rv_buf) struct rv_buf out = {0};
    if (rv_lab_run(argv, (struct rv_bytes){0}, &out) != 0)
        return false;
    return sscanf(rv_buf_text(&out), "%*d %79s", ret) == 1;
}

/* SHLVL: bash takes itself for the inner shell of a login and reads no start-up file of this user. */
static void write_sshd_config(struct rv_lab *lab)
{
    RV_AUTO(rv_buf) struct rv_buf text = {0};
    const char *r = lab->root;
    rv_buf_printf(&text,
                  "Port %d\nListenAddress 127.0.0.1\nHostKey %s/host_key\nHostKey %s/second_host_key\nPidFile "
                  "none\nAuthorizedKeysFile %s/login_key.pub\n"
                  "StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
                  "PubkeyAuthentication yes\nPermitRootLogin yes\nPrintMotd no\nPrintLastLog no\nX11Forwarding no\n"
                  "AllowTcpForwarding no\nSetEnv SHLVL=2\nLogLevel VERBOSE\n",
                  lab->ssh_port, r, r, r);
    rv_lab_write(lab, "sshd_config", rv_buf_text(&text), 0644);
}

static bool start_sshd(struct rv_lab *lab)
{
    char config[280];
    snprintf(config, sizeof config, "%s/sshd_config", lab->root);
    if (!make_ssh_key(lab, "ed25519", "host_key") || !make_ssh_key(lab, "ecdsa", "second_host_key") ||
        !make_ssh_key(lab, "ed25519", "login_key") || !make_ssh_key(lab, "ed25519", "stranger_key") ||
        !read_host_key(lab, "host_key", lab->host_key) || !read_host_key(lab, "second_host_key", lab->second_host_key))
        return false;
    if (geteuid() == 0) /* where sshd separates its privileges */
        (void)!mkdir("/run/sshd", 0755);
    const char *program = access("/usr/sbin/sshd", X_OK) == 0 ? "/usr/sbin/sshd" : "/usr/bin/sshd";
    for (int attempt = 0; attempt < 5; attempt++) {
        lab->ssh_port = free_port();
        write_sshd_config(lab);
        const char *argv[] = {program, "-D", "-e", "-f", config, NULL};
        lab->sshd = rv_lab_start(lab, "sshd.out", argv);
        if (comes_up(&lab->sshd, lab->ssh_port, "SSH-2.0-"))
            return true;
        rv_lab_end(lab->sshd);
    }
    complain_log(lab, "sshd");
    return false;
}

/* ---- certificates */

static bool make_authority(struct rv_lab *lab)
{
    char key[280], crt[280];
    snprintf(key, sizeof key, "%s/ca/key.pem", lab->root);
    snprintf(crt, sizeof crt, "%s/ca/crt.pem", lab->root);
    RV_AUTO(rv_buf) struct rv_buf text = {0};
    rv_buf_printf(&text,
                  "[ca]\ndefault_ca = lab\n[lab]\ndatabase = %s/ca/index\nrand_serial = yes\nnew_certs_dir = %s/ca\n"
                  "certificate = %s\nprivate_key = %s\ndefault_md = sha256\npolicy = any\ncopy_extensions = copy\n"
                  "unique_subject = no\nemail_in_dn = no\n[any]\ncommonName = optional\n",
                  lab->root, lab->root, crt, key);
    rv_lab_write(lab, "ca/ca.cnf", rv_buf_text(&text), 0644);
    rv_lab_write(lab, "ca/index", "", 0644);
    const char *argv[] = {"openssl", "req",   "-x509", "-newkey", "ec",      "-pkeyopt", "ec_paramgen_curve:P-256",
                          "-nodes",  "-days", "9",     "-subj",   "/CN=lab", "-keyout",  key,
                          "-out",    crt,     NULL};
    return run_ok(argv);
}

static bool fingerprint_of(struct rv_bytes pem, struct rv_hash *ret)
{
    const char *argv[] = {"openssl", "x509", "-noout", "-fingerprint", "-sha256", NULL};
    RV_AUTO(rv_buf) struct rv_buf out = {0};
    if (rv_lab_run(argv, pem, &out) != 0)
        return false;
    char hex[RV_HASH_TEXT];
    size_t n = 0;
    const char *at = strchr(rv_buf_text(&out), '=');
    for (; at != NULL && *at != '\0' && n < sizeof hex - 1; at++)
        if (*at != ':' && *at != '=' && *at != '\n')
            hex[n++] = *at;
    return n == sizeof hex - 1 && rv_unhex(ret->b, RV_HASH_SIZE, hex, n);
}

static void utc_text(char out[static 20], int days)
{
    time_t t = time(NULL) + days * 86400;
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(out, 20, "%Y%m%d%H%M%SZ", &tm);
}

bool rv_lab_sign(struct rv_lab *lab, struct rv_bytes csr, const struct rv_lab_wish *wish, struct rv_lab_pair *ret)
{
    char config[280], path[280], from[20], to[20];
    snprintf(config, sizeof config, "%s/ca/ca.cnf", lab->root);
    snprintf(path, sizeof path, "%s/ca/crt.pem", lab->root);
    utc_text(from, wish->expired ? -5 : wish->early ? 2 : -1);
    utc_text(to, wish->expired ? -2 : 5);
    RV_AUTO(rv_buf) struct rv_buf pem = {0};
    struct rv_buf leaf = {0}, chain = {0};
    const char *convert[] = {"openssl", "req", "-inform", "DER", "-outform", "PEM", NULL};
    const char *sign[] = {"openssl",  "ca", "-batch", "-notext",    "-config", config,        "-startdate", from,
                          "-enddate", to,   "-in",    "/dev/stdin", "-out",    "/dev/stdout", NULL};
    bool ok = rv_lab_run(convert, csr, &pem) == 0 && rv_lab_run(sign, rv_buf_bytes(&pem), &leaf) == 0 &&
              read_file(path, &chain) && fingerprint_of(rv_buf_bytes(&leaf), &ret->fingerprint);
    if (!ok) {
        complain("openssl could not sign");
        rv_buf_fini(&leaf);
        rv_buf_fini(&chain);
        return false;
    }
    ret->certificate_pem = rv_buf_take(&leaf);
    ret->chain_pem = rv_buf_take(&chain);
    return true;
}

void rv_lab_pair_fini(struct rv_lab_pair *pair)
{
    rv_free(pair->certificate_pem);
    rv_free(pair->chain_pem);
    *pair = (struct rv_lab_pair){0};
}

bool rv_lab_served(const struct rv_lab *lab, struct rv_hash *ret)
{
    char address[64];
    snprintf(address, sizeof address, "127.0.0.1:%d", lab->https_port);
    const char *argv[] = {"openssl", "s_client", "-connect", address, "-servername", lab->name, NULL};
    RV_AUTO(rv_buf) struct rv_buf out = {0};
    rv_lab_run(argv, (struct rv_bytes){0}, &out);
    return strstr(rv_buf_text(&out), "BEGIN CERTIFICATE") != NULL && fingerprint_of(rv_buf_bytes(&out), ret);
}

bool rv_lab_wait_served(const struct rv_lab *lab, const struct rv_hash *want)
{
    struct rv_hash got = {0};
    for (rv_time until = now() + START_LIMIT; now() < until; rv_lab_pause())
        if (rv_lab_served(lab, &got) && rv_hash_equal(&got, want))
            return true;
    return false;
}

pid_t rv_lab_guard(const struct rv_lab *lab)
{
    char path[400];
    int pid = 0;
    snprintf(path, sizeof path, "%s/%s/armed", lab->directory, lab->certificate);
    RV_AUTO(rv_buf) struct rv_buf text = {0};
    return read_file(path, &text) && sscanf(rv_buf_text(&text), "%*64s %*d %d", &pid) == 1 ? pid : 0;
}

/* Every sshd below `parent`, and nothing that a session has started. For other users than root a session is two of them, and
 * either one alone keeps the link for a while. */
static int kill_sshd_below(int parent)
{
    char path[64];
    int cut = 0, pid = 0, used;
    RV_AUTO(rv_buf) struct rv_buf children = {0};
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", parent, parent);
    if (parent <= 0 || !read_file(path, &children))
        return 0;
    for (const char *at = rv_buf_text(&children); sscanf(at, "%d%n", &pid, &used) == 1; at += used) {
        RV_AUTO(rv_buf) struct rv_buf name = {0};
        snprintf(path, sizeof path, "/proc/%d/comm", pid);
        if (!read_file(path, &name) || strncmp(rv_buf_text(&name), "sshd", 4) != 0)
            continue;
        kill_sshd_below(pid);
        cut += kill(pid, SIGKILL) == 0;
    }
    return cut;
}

int rv_lab_cut_links(const struct rv_lab *lab)
{
    return kill_sshd_below((int)lab->sshd);
}

/* ---- the whole */

struct lab_full {
    struct rv_lab lab;
    struct rv_target_spec target;
    const char *host_keys[1];
    char address[64], config[280], binary[280], certificate_file[280], key_file[280], login_key[280];
};

const struct rv_target_spec *rv_lab_target(struct rv_lab *lab, const char *connector)
{
    struct lab_full *f = (struct lab_full *)lab;
    f->host_keys[0] = lab->host_key;
    snprintf(f->address, sizeof f->address, "127.0.0.1:%d", lab->ssh_port);
    snprintf(f->config, sizeof f->config, "%s/nginx.conf", lab->root);
    snprintf(f->binary, sizeof f->binary, "%s/server", lab->root);
    snprintf(f->certificate_file, sizeof f->certificate_file, "%s/tls/{certificate}.crt", lab->root);
    snprintf(f->key_file, sizeof f->key_file, "%s/tls/{certificate}.key", lab->root);
    snprintf(f->login_key, sizeof f->login_key, "%s/login_key", lab->root);
    f->target = (struct rv_target_spec){
        .connector = connector,
        .address = f->address,
        .user = lab->user,
        .host_keys = {1, f->host_keys},
        .auth.key_file = f->login_key,
        .server = {"nginx", f->binary, f->config, lab->root, f->certificate_file, f->key_file},
        .directory = lab->directory,
    };
    return &f->target;
}

static bool build(struct rv_lab *lab, bool with_ssh)
{
    static const char *const folders[] = {"tls", "ca", "tmp"};
    for (size_t i = 0; i < RV_COUNT(folders); i++)
        make_dir(lab, folders[i]);
    write_wrapper(lab);
    if (!make_authority(lab) || !make_foreign_pair(lab) || !start_nginx(lab) || (with_ssh && !start_sshd(lab)))
        return false;
    char path[320];
    RV_AUTO(rv_buf) struct rv_buf text = {0};
    snprintf(path, sizeof path, "%s/tls/%s.crt", lab->root, lab->certificate);
    return read_file(path, &text) && fingerprint_of(rv_buf_bytes(&text), &lab->foreign);
}

struct rv_lab *rv_lab_create(bool with_ssh)
{
    struct lab_full *f = rv_zalloc(sizeof *f);
    struct rv_lab *lab = &f->lab;
    const char *tmp = getenv("TMPDIR");
    snprintf(lab->root, sizeof lab->root, "%s/reeve-lab-XXXXXX", tmp == NULL || strlen(tmp) > 150 ? "/tmp" : tmp);
    if (mkdtemp(lab->root) == NULL) {
        complain("%s: %s", lab->root, strerror(errno));
        rv_free(f);
        return NULL;
    }
    chmod(lab->root, 0755);
    snprintf(lab->directory, sizeof lab->directory, "%s/reeve", lab->root);
    snprintf(lab->certificate, sizeof lab->certificate, "shop");
    snprintf(lab->name, sizeof lab->name, "shop.example.com");
    const struct passwd *me = getpwuid(geteuid());
    snprintf(lab->user, sizeof lab->user, "%s", me == NULL ? "nobody" : me->pw_name);
    if (!build(lab, with_ssh)) {
        rv_lab_destroy(lab);
        return NULL;
    }
    return lab;
}

void rv_lab_destroy(struct rv_lab *lab)
{
    if (lab == NULL)
        return;
    rv_lab_end(lab->sshd);
    pid_t guard = rv_lab_guard(lab);
    if (guard > 0)
        kill(guard, SIGKILL);
    rv_lab_end(lab->nginx);
    if (getenv("REEVE_TEST_KEEP") == NULL)
        for (int i = 0; i < 50 && access(lab->root, F_OK) == 0; i++) { /* a command of the guard may still be writing */
            nftw(lab->root, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
            if (access(lab->root, F_OK) == 0)
                rv_lab_pause();
        }
    rv_free((struct lab_full *)lab);
}

/* reeve-signer: alone holds the keys of the CA. Opens no network, answers a few messages on a Unix socket. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "pki/digest.h"
#include "signer/sandbox.h"
#include "signer/server.h"

#define EXIT_USAGE 64 /* DESIGN §5 */

struct options {
    const char *data, *socket, *kek_file;
    int64_t fd, peer, rate, burst;
    bool self_test, verify;
};

static const struct rv_log_context ctx = {.area = "signer"};
static volatile int stop;

#ifdef __SANITIZE_ADDRESS__
/* The leak checker starts a thread that traces: the sandbox forbids both. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static const char usage[] =
    "usage: reeve-signer --data DIR [--socket PATH | --fd N]\n"
    "Holds the keys of the certificate authority under DIR/signer and signs what its limits allow.\n"
    "  --data DIR        where keys and journal are kept (made on first use)\n"
    "  --socket PATH     Unix socket to listen on; DIR/signer/socket by default\n"
    "  --fd N            a Unix socket that was handed down, listening or connected\n"
    "  --kek-file FILE   passphrase of the keys, first line; the systemd credential reeve-signer-kek, or\n"
    "                    DIR/signer/kek (made on first use) by default\n"
    "  --peer UID        user that may connect besides root and the signer's own\n"
    "  --rate N          new certificates a second that are signed in the long run (50)\n"
    "  --burst N         new certificates that may be signed at once (200000)\n"
    "  --verify          check the whole journal and leave\n"
    "  --help, --version\n";

enum {
    OPT_DATA = 256,
    OPT_SOCKET,
    OPT_FD,
    OPT_KEK,
    OPT_PEER,
    OPT_RATE,
    OPT_BURST,
    OPT_VERIFY,
    OPT_SELF_TEST,
    OPT_HELP,
    OPT_VERSION
};
static const struct option longs[] = {
    {"data", required_argument, NULL, OPT_DATA},     {"socket", required_argument, NULL, OPT_SOCKET},
    {"fd", required_argument, NULL, OPT_FD},         {"kek-file", required_argument, NULL, OPT_KEK},
    {"peer", required_argument, NULL, OPT_PEER},     {"rate", required_argument, NULL, OPT_RATE},
    {"burst", required_argument, NULL, OPT_BURST},   {"verify", no_argument, NULL, OPT_VERIFY},
    {"self-test", no_argument, NULL, OPT_SELF_TEST}, {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},     {NULL, 0, NULL, 0},
};

static _Noreturn void leave_usage(const char *what, const char *why)
{
    fprintf(stderr, "reeve-signer: %s%s%s\n%s", what, why[0] ? ": " : "", why, usage);
    exit(EXIT_USAGE);
}

static int64_t number_of(const char *option, const char *text, int64_t low, int64_t high)
{
    struct rv_error err;
    int64_t v = 0;
    if (rv_int_parse(text, low, high, &v, &err) != RV_OK)
        leave_usage(option, err.message);
    return v;
}

static struct options parse(int argc, char **argv)
{
    struct options o = {.fd = -1, .peer = -1};
    int option;
    while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        switch (option) {
        case OPT_DATA:
            o.data = optarg;
            break;
        case OPT_SOCKET:
            o.socket = optarg;
            break;
        case OPT_FD:
            o.fd = number_of("--fd", optarg, 3, 1023);
            break;
        case OPT_KEK:
            o.kek_file = optarg;
            break;
        case OPT_PEER:
            o.peer = number_of("--peer", optarg, 0, UINT32_MAX - 1);
            break;
        case OPT_RATE:
            o.rate = number_of("--rate", optarg, 1, 1000000);
            break;
        case OPT_BURST:
            o.burst = number_of("--burst", optarg, 1, 1000000000);
            break;
        case OPT_VERIFY:
            o.verify = true;
            break;
        case OPT_SELF_TEST:
            o.self_test = true;
            break;
        case OPT_HELP:
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        case OPT_VERSION:
            puts("reeve-signer " REEVE_VERSION);
            exit(EXIT_SUCCESS);
        default:
            exit(EXIT_USAGE);
        }
    }
    if (o.data == NULL || optind != argc)
        leave_usage(o.data == NULL ? "--data is missing" : "unexpected argument", "");
    if (o.fd >= 0 && o.socket != NULL)
        leave_usage("--fd and --socket exclude each other", "");
    return o;
}

static _Noreturn void leave(const struct rv_error *err)
{
    rv_log_error(RV_LOG_ERROR, &ctx, err, "reeve-signer cannot run");
    exit(EXIT_FAILURE);
}

/* The key of the keys: named, or handed down by systemd (LoadCredential=), or NULL for the one in the folder. */
static char *kek_path(const struct options *o)
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    if (o->kek_file != NULL || credentials == NULL)
        return rv_strdup(o->kek_file);
    struct rv_buf path = {0};
    rv_buf_printf(&path, "%s/reeve-signer-kek", credentials);
    char *text = rv_buf_take(&path);
    if (access(text, R_OK) == 0)
        return text;
    rv_free(text);
    return NULL;
}

/* One signer a folder (M-59): the lock goes with the process. */
static int lock_folder(const char *directory)
{
    struct rv_error err;
    char path[4096];
    snprintf(path, sizeof path, "%s/lock", directory);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        rv_fail_errno(&err, errno, "cannot open %s", path);
        leave(&err);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        rv_fail(&err, RV_CONFLICT, "another reeve-signer works on %s", directory);
        leave(&err);
    }
    return fd;
}

/* sd_notify(3): one datagram, no library. */
static void tell_ready(void)
{
    const char *where = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (where == NULL || (where[0] != '/' && where[0] != '@') || strlen(where) >= sizeof address.sun_path)
        return;
    memcpy(address.sun_path, where, strlen(where));
    if (where[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(where));
    (void)sendto(fd, "READY=1", 7, MSG_NOSIGNAL, (const struct sockaddr *)&address, size);
    close(fd);
}

static void on_settled(void *arg)
{
    struct rv_error err;
    if (rv_sandbox_narrow(arg, &err) != RV_OK)
        leave(&err);
    rv_log(RV_LOG_INFO, &ctx, "the CA is set up; the folder of the root key is out of reach from here on");
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: ppoll must return */
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGTERM);
    sigaddset(&both, SIGINT);
    sigprocmask(SIG_BLOCK, &both, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static struct rv_service *open_service(const struct options *o, const char *directory)
{
    struct rv_error err;
    RV_AUTO(char) char *kek = kek_path(o);
    struct rv_service_options options = {.files = &rv_files_system,
                                         .clock = &rv_clock_system,
                                         .directory = directory,
                                         .kek_file = kek,
                                         .rate = o->rate,
                                         .burst = o->burst,
                                         .whole = o->verify};
    struct rv_service *service = NULL;
    if (rv_service_open(&options, &service, &err) != RV_OK)
        leave(&err);
    if (rv_service_journal_cut(service) > 0)
        rv_log(RV_LOG_WARN, &ctx, "cut a torn end of %zu octets off the journal: nothing was signed for it",
               rv_service_journal_cut(service));
    return service;
}

static void enter_sandbox(const char *directory, const char *journal, bool set_up, int fd, int lock)
{
    struct rv_error err;
    struct rv_sandbox_report report;
    int keep[] = {fd, lock};
    struct rv_sandbox sandbox = {.directory = set_up ? journal : directory, .keep = keep, .keep_count = RV_COUNT(keep)};
    if (rv_sandbox_enter(&sandbox, &report, &err) != RV_OK)
        leave(&err);
    if (report.landlock == 0)
        rv_log(RV_LOG_WARN, &ctx, "this kernel has no Landlock: the file system is kept out by file modes only");
    rv_log(RV_LOG_INFO, &ctx, "sandbox: Landlock ABI %d, seccomp %s", report.landlock, report.seccomp ? "on" : "off");
}

int main(int argc, char **argv)
{
    struct options o = parse(argc, argv);
    struct rv_error err;
    rv_log_setup(RV_LOG_INFO, -1);
    umask(077);
    char directory[2048], journal[2080], path[2080];
    if (strlen(o.data) > 1900)
        leave_usage("--data", "the path is too long");
    snprintf(directory, sizeof directory, "%s/signer", o.data);
    snprintf(journal, sizeof journal, "%s/journal", directory);
    snprintf(path, sizeof path, "%s/socket", directory);
    if (rv_files_system.ops->make_dir(NULL, o.data, 0700, &err) != RV_OK ||
        rv_files_system.ops->make_dir(NULL, directory, 0700, &err) != RV_OK)
        leave(&err);
    if (o.self_test) {
        struct rv_sandbox sandbox = {.directory = directory};
        return rv_sandbox_self_test(&sandbox) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    int lock = lock_folder(directory);
    struct rv_service *service = open_service(&o, directory);
    if (o.verify) {
        printf("%zu records, the chain holds\n", rv_service_journal_count(service));
        return EXIT_SUCCESS;
    }
    int fd = (int)o.fd;
    if (fd < 0 && rv_server_listen(o.socket != NULL ? o.socket : path, &fd, &err) != RV_OK)
        leave(&err);
    catch_signals();
    tell_ready();
    rv_log(RV_LOG_INFO, &ctx, "ready, %zu entries in the journal", rv_service_journal_count(service));
    enter_sandbox(directory, journal, rv_service_is_set_up(service), fd, lock);
    struct rv_server_options server = {
        .fd = fd, .service = service, .peer = o.peer, .settled = on_settled, .arg = journal, .stop = &stop};
    if (rv_server_run(&server, &err) != RV_OK)
        leave(&err);
    rv_service_close(service);
    rv_log(RV_LOG_INFO, &ctx, "stopped");
    return EXIT_SUCCESS;
}

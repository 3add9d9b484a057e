#include "signer/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED 1 /* address space reserved by the terabyte */
#else
#define SANITIZED 0
#endif

#ifdef __SANITIZE_THREAD__
#define SECCOMP false /* its runtime needs calls that no signer should have */
#else
#define SECCOMP true
#endif

/* ---- descriptors and limits ---- */

static void close_others(const struct rv_sandbox *sandbox)
{
    unsigned from = 3;
    for (;;) { /* the gaps between those that stay, smallest first */
        unsigned next = ~0u;
        for (unsigned i = 0; i < sandbox->keep_count; i++)
            if (sandbox->keep[i] >= 0 && (unsigned)sandbox->keep[i] >= from && (unsigned)sandbox->keep[i] < next)
                next = (unsigned)sandbox->keep[i];
        if (next > from)
            syscall(SYS_close_range, from, next == ~0u ? ~0u : next - 1, 0);
        if (next == ~0u)
            return;
        from = next + 1;
    }
}

static enum rv_status set_limits(struct rv_error *err)
{
    static const struct {
        int resource; /* an enum in some C libraries */
        rlim_t most;
        const char *name;
    } limits[] = {
        {RLIMIT_CORE, 0, "core"},
        {RLIMIT_NOFILE, 64, "open files"},
        {RLIMIT_NPROC, 0, "processes"},
        {RLIMIT_AS, (rlim_t)16 << 30, "address space"},
    };
    for (size_t i = 0; i < RV_COUNT(limits); i++) {
        struct rlimit now;
        if (SANITIZED && limits[i].resource == RLIMIT_AS)
            continue;
        if (getrlimit((unsigned)limits[i].resource, &now) == 0 && now.rlim_max < limits[i].most)
            continue;
        struct rlimit want = {limits[i].most, limits[i].most};
        if (setrlimit((unsigned)limits[i].resource, &want) != 0)
            return rv_fail_errno(err, errno, "cannot limit %s", limits[i].name);
    }
    return RV_OK;
}

/* ---- Landlock ---- */

/* Newer kernels know more than the headers of Debian 12; the bits are the kernel's interface and do not change. */
#define FS_TRUNCATE (1ull << 14)  /* ABI 3 */
#define FS_IOCTL_DEV (1ull << 15) /* ABI 5 */
struct ruleset {                  /* struct landlock_ruleset_attr of ABI 6 */
    uint64_t fs, net, scoped;
};

static uint64_t fs_rights(int abi)
{
    uint64_t all = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
                   LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                   LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                   LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                   LANDLOCK_ACCESS_FS_MAKE_SYM;
    if (abi >= 2)
        all |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        all |= FS_TRUNCATE;
    if (abi >= 5)
        all |= FS_IOCTL_DEV;
    return all;
}

static enum rv_status enter_landlock(const char *directory, int *ret_abi, struct rv_error *err)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    *ret_abi = 0;
    if (abi <= 0)
        return RV_OK; /* best effort: the level is logged */
    struct ruleset rules = {.fs = fs_rights((int)abi)};
    size_t size = sizeof rules.fs;
    if (abi >= 4) {
        rules.net = 3; /* bind and connect TCP */
        size = 2 * sizeof(uint64_t);
    }
    if (abi >= 6) {
        rules.scoped = 3; /* abstract sockets, signals */
        size = sizeof rules;
    }
    int set = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
    if (set < 0)
        return rv_fail_errno(err, errno, "cannot make a Landlock ruleset");
    struct landlock_path_beneath_attr own = {
        .allowed_access = rules.fs & ~(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                                       LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                                       LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_MAKE_SOCK | FS_IOCTL_DEV),
        .parent_fd = open(directory, O_PATH | O_CLOEXEC | O_DIRECTORY)};
    bool ok = own.parent_fd >= 0 && syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &own, 0) == 0 &&
              syscall(SYS_landlock_restrict_self, set, 0) == 0;
    int number = errno;
    if (own.parent_fd >= 0)
        close(own.parent_fd);
    close(set);
    if (!ok)
        return rv_fail_errno(err, number, "cannot shut the file system but %s with Landlock", directory);
    *ret_abi = (int)abi;
    return RV_OK;
}

enum rv_status rv_sandbox_narrow(const char *directory, struct rv_error *err)
{
    int abi;
    return enter_landlock(directory, &abi, err);
}

/* ---- seccomp ---- */

/* What a process does that reads its own files, waits on Unix sockets and computes. No socket, clone, execve, ptrace,
 * ioctl, prctl; mmap and mprotect only without PROT_EXEC. Landlock's calls stay: they can only narrow further. */
static const int allowed[] = {
    SCMP_SYS(accept4),
    SCMP_SYS(brk),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(close),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(fchmod),
    SCMP_SYS(fcntl),
    SCMP_SYS(fdatasync),
    SCMP_SYS(fstat),
    SCMP_SYS(fsync),
    SCMP_SYS(ftruncate),
    SCMP_SYS(futex),
    SCMP_SYS(getegid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getpid),
    SCMP_SYS(getrandom),
    SCMP_SYS(getsockopt),
    SCMP_SYS(gettid),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getuid),
    SCMP_SYS(lseek),
    SCMP_SYS(landlock_add_rule),
    SCMP_SYS(landlock_create_ruleset),
    SCMP_SYS(landlock_restrict_self),
    SCMP_SYS(lstat),
    SCMP_SYS(dup),
    SCMP_SYS(madvise),
    SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat),
    SCMP_SYS(mlock),
    SCMP_SYS(mlock2),
    SCMP_SYS(mremap),
    SCMP_SYS(munlock),
    SCMP_SYS(munmap),
    SCMP_SYS(newfstatat),
    SCMP_SYS(open),
    SCMP_SYS(openat),
    SCMP_SYS(openat2),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(shutdown),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(stat),
    SCMP_SYS(statx),
    SCMP_SYS(sysinfo),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(write),
    SCMP_SYS(writev),
#if SANITIZED
    SCMP_SYS(getrlimit),
    SCMP_SYS(prlimit64),
    SCMP_SYS(readlink),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(tgkill),
#endif
};

static enum rv_status enter_seccomp(struct rv_error *err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL)
        return rv_fail(err, RV_INTERNAL, "cannot make a seccomp filter");
    int bad = 0;
    for (size_t i = 0; i < RV_COUNT(allowed) && bad == 0; i++) {
        bad = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
        if (bad == -EDOM) /* a call that this machine does not have */
            bad = 0;
    }
    static const int mapping[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
    for (size_t i = 0; i < RV_COUNT(mapping) && bad == 0; i++)
        bad = seccomp_rule_add(filter, SCMP_ACT_ALLOW, mapping[i], 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (bad == 0)
        bad = seccomp_load(filter);
    seccomp_release(filter);
    return bad == 0 ? RV_OK : rv_fail_errno(err, -bad, "cannot load the seccomp filter");
}

enum rv_status rv_sandbox_enter(const struct rv_sandbox *sandbox, struct rv_sandbox_report *ret, struct rv_error *err)
{
    struct rv_sandbox_report report = {0};
    close_others(sandbox);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return rv_fail_errno(err, errno, "cannot give up privileges");
    enum rv_status status = set_limits(err);
    if (status == RV_OK)
        status = enter_landlock(sandbox->directory, &report.landlock, err);
    report.seccomp = SECCOMP;
    if (status == RV_OK && SECCOMP)
        status = enter_seccomp(err);
    if (status == RV_OK)
        *ret = report;
    return status;
}

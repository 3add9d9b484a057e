/* `reeve-signer --self-test`: the walls, tried from the inside. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "signer/sandbox.h"

/* Each answers 0 when it worked, or the error number. */
static int open_foreign(void)
{
    int fd = open("/etc/shadow", O_RDONLY | O_CLOEXEC);
    return fd >= 0 ? 0 : errno;
}

static int open_network(void)
{
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0 ? 0 : errno;
}

static int run_program(void)
{
    char *const argv[] = {"/bin/true", NULL}, *const env[] = {NULL};
    execve(argv[0], argv, env);
    return errno;
}

static int trace(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 0 : errno;
}

static int executable_memory(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED ? 0 : errno;
}

static int new_process(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return pid > 0 ? 0 : errno;
}

static const struct {
    const char *name;
    int (*attempt)(void);
} attempts[] = {
    {"open /etc/shadow", open_foreign},
    {"socket AF_INET", open_network},
    {"execve", run_program},
    {"ptrace", trace},
    {"fork", new_process},
    {"mmap PROT_EXEC", executable_memory},
};

static int try_in_child(const struct rv_sandbox *sandbox, int (*attempt)(void))
{
    struct rv_sandbox_report report;
    struct rv_error err = {0};
    if (rv_sandbox_enter(sandbox, &report, &err) != RV_OK) {
        dprintf(STDERR_FILENO, "%s\n", err.message);
        return 255;
    }
    return attempt();
}

int rv_sandbox_self_test(const struct rv_sandbox *sandbox)
{
    int worked = 0;
    for (size_t i = 0; i < RV_COUNT(attempts); i++) {
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0)
            _exit(try_in_child(sandbox, attempts[i].attempt));
        int how = 0;
        if (pid < 0 || waitpid(pid, &how, 0) < 0)
            return (int)RV_COUNT(attempts);
        if (WIFSIGNALED(how)) {
            printf("%-18s killed (%s)\n", attempts[i].name, strsignal(WTERMSIG(how)));
        } else if (WEXITSTATUS(how) == 255) {
            printf("%-18s the sandbox could not be entered\n", attempts[i].name);
            worked++;
        } else if (WEXITSTATUS(how) != 0) {
            printf("%-18s denied (%s)\n", attempts[i].name, strerror(WEXITSTATUS(how)));
        } else {
            printf("%-18s ALLOWED\n", attempts[i].name);
            worked++;
        }
    }
    return worked;
}

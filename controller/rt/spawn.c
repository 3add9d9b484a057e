#include "rt/spawn_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

const char *const rv_clean_env[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
                                    NULL};

static const char *path_of(const char *const *env)
{
    for (; *env != NULL; env++)
        if (strncmp(*env, "PATH=", 5) == 0)
            return *env + 5;
    return "/usr/bin:/bin";
}

static bool executable(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

enum rv_status rv_program_find(const char *name, const char *const *env, char ret[static PATH_MAX], struct rv_error *err)
{
    if (name == NULL || name[0] == '\0')
        return rv_fail(err, RV_INVALID, "no program was named");
    if (strchr(name, '/') != NULL) {
        if (strlen(name) >= PATH_MAX)
            return rv_fail(err, RV_INVALID, "the path of a program is too long");
        memcpy(ret, name, strlen(name) + 1);
        return executable(ret) ? RV_OK : rv_fail(err, RV_NOT_FOUND, "%s is not an executable file", name);
    }
    const char *path = path_of(env);
    for (const char *at = path; *at != '\0';) {
        size_t n = strcspn(at, ":");
        /* An empty or relative entry would mean the working directory: never. */
        if (n > 0 && at[0] == '/' && snprintf(ret, PATH_MAX, "%.*s/%s", (int)n, at, name) < PATH_MAX && executable(ret))
            return RV_OK;
        at += n;
        at += *at == ':';
    }
    return rv_fail(err, RV_NOT_FOUND, "the program %s is not in %s", name, path);
}

int rv_fd_raise(int fd, int least)
{
    if (fd >= least)
        return fd;
    int raised = fcntl(fd, F_DUPFD_CLOEXEC, least), number = errno;
    close(fd);
    errno = number;
    return raised;
}

void rv_exit_decode(int wait_status, int *ret_exit_code, int *ret_signal)
{
    *ret_exit_code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
    *ret_signal = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
}

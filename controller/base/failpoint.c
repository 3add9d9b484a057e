#include "base/failpoint.h"

#ifdef REEVE_FAILPOINTS
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static void note(const char *path, const char *name)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    struct iovec parts[] = {{(void *)name, strlen(name)}, {(void *)"\n", 1}};
    ssize_t ignored = writev(fd, parts, 2);
    (void)ignored;
    close(fd);
}

void (*rv_failpoint_hook)(const char *name);

void rv_failpoint(const char *name)
{
    if (rv_failpoint_hook != NULL)
        rv_failpoint_hook(name);
    static atomic_int visits;
    const char *log = getenv("REEVE_FAILPOINT_LOG"), *wanted = getenv("REEVE_FAILPOINT");
    if (log != NULL)
        note(log, name);
    size_t n = strlen(name);
    if (wanted == NULL || strncmp(wanted, name, n) != 0 || (wanted[n] != '\0' && wanted[n] != ':'))
        return;
    int at = wanted[n] == ':' ? (int)strtol(wanted + n + 1, NULL, 10) : 1;
    if (atomic_fetch_add(&visits, 1) + 1 == at)
        _exit(137);
}
#else
typedef int rv_failpoint_unused;
#endif

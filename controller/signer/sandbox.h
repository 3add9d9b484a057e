/* The signer's walls (M-11), put up by the process around itself before it reads its first request: descriptors closed,
 * no new privileges, not dumpable, resource limits, Landlock (only its own folder), and a seccomp allow list that kills.
 * They cannot be taken down again. What the kernel does not offer is left out and said so in the report. */
#pragma once
#include <stdbool.h>

#include "base/error.h"

struct rv_sandbox {
    const char *directory; /* all that may be read and written */
    const int *keep;       /* descriptors that stay open beside 0, 1 and 2 */
    unsigned keep_count;
};
struct rv_sandbox_report {
    int landlock; /* ABI, 0: this kernel has none */
    bool seccomp; /* false only in builds with the thread sanitizer, which needs more than it may */
};
RV_MUST_CHECK enum rv_status rv_sandbox_enter(const struct rv_sandbox *sandbox, struct rv_sandbox_report *ret,
                                              struct rv_error *err);

/* Later, and for good: of the file system only this folder. Nothing happens without Landlock. */
RV_MUST_CHECK enum rv_status rv_sandbox_narrow(const char *directory, struct rv_error *err);

/* Tries in a child each what must not work (open a foreign file, an IPv4 socket, execve, ptrace, executable memory),
 * prints a line for each on standard output and answers how many worked all the same. */
int rv_sandbox_self_test(const struct rv_sandbox *sandbox);

/* What process_posix.c and child.c share: where a program is, and the environment that programs get. */
#pragma once
#include <limits.h>
#include <stdbool.h>

#include "base/error.h"

/* PATH=…, LANG=C.UTF-8 and nothing else. */
extern const char *const rv_clean_env[];
/* The path of argv[0]: as it is when it holds a slash, else looked up in the PATH of `env` (not in ours). */
RV_MUST_CHECK enum rv_status rv_program_find(const char *name, const char *const *env, char ret[static PATH_MAX],
                                             struct rv_error *err);
/* The same descriptor with a number of at least `least`, close-on-exec; the old one is closed. -1 with errno. */
int rv_fd_raise(int fd, int least);
/* Waits for exactly this process: exit code, or -1 and the signal. */
void rv_exit_decode(int wait_status, int *ret_exit_code, int *ret_signal);

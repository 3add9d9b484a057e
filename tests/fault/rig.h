/* What the fault tests of issuing stand on: a folder of its own with a store file and a signer folder, the two programs as
 * real processes that can be told where to die, and the check that everything is as promised afterwards. */
#pragma once
#include "support/cmocka.h"

#include <stdbool.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/time.h"

struct rig {
    char dir[200], socket[256];
    pid_t signer;
    int requests; /* how many DIR/csr-<number> there are */
};
void rig_init(struct rig *rig, int requests); /* fails the test when it cannot */
void rig_fini(struct rig *rig);               /* kills what still runs, removes the folder */

/* failpoint NULL: none. Waits until the socket is there, unless it died before. */
void rig_signer_start(struct rig *rig, const char *failpoint);
/* Whether it is dead by itself (reaps it). */
bool rig_signer_died(struct rig *rig);
void rig_signer_kill(struct rig *rig); /* SIGKILL, and waits */
void rig_signer_stop(struct rig *rig); /* SIGTERM, and waits; fails the test unless it ends well */

struct rig_run { /* one run of the driver */
    const char *failpoint, *socket, *prefix;
    int first, count, times;
    bool settle;
};
#define RIG_KILLED 137  /* what a failpoint ends with */
#define RIG_NO_SIGNER 3 /* what the driver ends with when the CA cannot start */
/* Starts it; rig_driver_wait gives its exit status, and what it printed into *out when not NULL. */
pid_t rig_driver_start(struct rig *rig, const struct rig_run *run);
int rig_driver_wait(struct rig *rig, pid_t pid, struct rv_buf *out);
int rig_drive(struct rig *rig, const struct rig_run *run, struct rv_buf *out);
/* The driver, and the signer started again whenever it dies; the exit status of the driver. */
int rig_drive_supervised(struct rig *rig, const struct rig_run *run, struct rv_buf *out, int *ret_deaths);

/* How many lines of the output say "ok". */
int rig_ok_lines(const struct rv_buf *out);
/* Every failpoint name that either program passed so far. */
bool rig_visited(struct rig *rig, const char *name);
void rig_wait_visited(struct rig *rig, const char *name); /* fails the test when it takes too long */

struct rig_counts {
    int issued, abandoned, intents, journalled;
};
/* With the signer stopped: reads store and journal as files and fails the test unless
 *   every certificate verifies under the CA, and its serial and bytes are in the signer's journal,
 *   every leaf in the journal is in the store, with the same bytes, as a certificate or abandoned,
 *   no serial is there twice, no key has two certificates,
 *   the audit chain holds and tells of every certificate exactly once. */
struct rig_counts rig_check(struct rig *rig);

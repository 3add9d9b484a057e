/* Named places where a test can stop the process as a power cut would: no clean-up, no flushing. REEVE_FAILPOINT=name
 * dies there, name:3 at the third visit; REEVE_FAILPOINT_LOG=file appends each name that is passed. Release builds
 * contain none of this. Names read subject.moment ("issue.reserved"); a test lists them from the sources, and
 * every one must be visited. */
#pragma once

#ifdef REEVE_FAILPOINTS
void rv_failpoint(const char *name);
/* For simulations, where the process must go on: called at every failpoint, and may leave it by a jump. */
extern void (*rv_failpoint_hook)(const char *name);
#define RV_FAILPOINT(name) rv_failpoint(name)
#else
#define RV_FAILPOINT(name) ((void)0)
#endif

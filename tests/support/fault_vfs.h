/* A SQLite VFS over the default one, for bad days: it fails chosen operations, and it knows what a disk would hold if the
 * power went now. A sync that fails loses what it should have kept, although reading still shows it (as Linux does).
 * Safe from any thread; one set of orders for the whole process. */
#pragma once
#include <stdbool.h>

enum fault_op { FAULT_WRITE = 1, FAULT_SYNC = 2, FAULT_TRUNCATE = 4, FAULT_ANY = 7 };
enum { FAULT_POWER_EXIT = 77 };

const char *fault_vfs_register(void); /* its name */
void fault_vfs_reset(void);           /* forgets orders and what disks hold; call with all files closed */

/* From now on: the n-th (1 the first) operation of these kinds fails with this SQLite code, and those after it, `count`
 * in all. n 0 heals. */
void fault_vfs_fail(unsigned ops, long n, long count, int code);
bool fault_vfs_failed(void); /* since fault_vfs_fail: did any */
/* From now on: at the n-th operation of any kind the power goes. Every file gets what was synced, then, unless seed is 0, a
 * choice of the writes since (by seed); the process ends with FAULT_POWER_EXIT. */
void fault_vfs_power(long n, unsigned seed);
long fault_vfs_count(enum fault_op op); /* operations of this kind since fault_vfs_reset */

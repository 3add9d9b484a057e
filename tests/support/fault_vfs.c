#include "support/fault_vfs.h"

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

/* A change since the last sync: bytes at a place, or (data NULL) a new length. */
struct change {
    struct change *next;
    sqlite3_int64 at;
    size_t size;
    uint8_t *data;
};
/* What a disk holds of one file, whether it is open or not. */
struct disk {
    struct disk *next;
    char *path;
    uint8_t *image;
    size_t size;
    struct change *first, **last;
};
struct file {
    sqlite3_file base;
    struct disk *disk; /* NULL: a temporary file, none of our business */
    sqlite3_file *real;
};

static struct {
    pthread_mutex_t lock;
    sqlite3_vfs vfs, *real;
    struct disk *disks;
    long counts[FAULT_TRUNCATE + 1];
    unsigned fail_ops, power_seed;
    long fail_in, fail_count, power_in;
    int fail_code;
    bool failed;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void forget_changes(struct disk *d)
{
    for (struct change *c = d->first, *next; c != NULL; c = next) {
        next = c->next;
        rv_free(c->data);
        rv_free(c);
    }
    d->first = NULL;
    d->last = &d->first;
}

static void apply(struct disk *d, const struct change *c)
{
    size_t end = (size_t)c->at + c->size;
    if (c->data == NULL ? end != d->size : end > d->size) {
        d->image = rv_resize(d->image, end + 1, 1);
        if (end > d->size)
            memset(d->image + d->size, 0, end - d->size);
        d->size = end;
    }
    if (c->data != NULL)
        memcpy(d->image + c->at, c->data, c->size);
}

static void note(struct disk *d, const void *data, size_t size, sqlite3_int64 at)
{
    struct change *c = rv_zalloc(sizeof *c);
    *c = (struct change){.at = at, .size = size, .data = data == NULL ? NULL : rv_memdup(data, size)};
    *d->last = c;
    d->last = &c->next;
}

static void must(bool fine)
{
    if (!fine)
        abort();
}

static void load(struct disk *d)
{
    int fd = open(d->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    off_t size = lseek(fd, 0, SEEK_END);
    d->image = rv_alloc((size_t)size + 1);
    d->size = (size_t)size;
    must(pread(fd, d->image, d->size, 0) == size);
    close(fd);
}

static struct disk *disk_of(const char *path)
{
    struct disk *d = all.disks;
    while (d != NULL && strcmp(d->path, path) != 0)
        d = d->next;
    if (d != NULL)
        return d;
    d = rv_zalloc(sizeof *d);
    *d = (struct disk){.next = all.disks, .path = rv_strdup(path)};
    d->last = &d->first;
    load(d);
    all.disks = d;
    return d;
}

static _Noreturn void power_off(void)
{
    unsigned state = all.power_seed;
    for (struct disk *d = all.disks; d != NULL; d = d->next) {
        for (struct change *c = d->first; c != NULL; c = c->next) {
            state = state * 1664525 + 1013904223;
            if (all.power_seed != 0 && (state >> 16) % 2 == 0)
                apply(d, c);
        }
        int fd = open(d->path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
            continue; /* deleted */
        must(ftruncate(fd, (off_t)d->size) == 0 && pwrite(fd, d->image, d->size, 0) == (ssize_t)d->size);
        close(fd);
    }
    _exit(FAULT_POWER_EXIT);
}

/* Counts the operation and says what becomes of it; the lock is held. */
static int fate(enum fault_op op)
{
    all.counts[op]++;
    if (all.power_in > 0 && --all.power_in == 0)
        power_off();
    if ((all.fail_ops & op) == 0 || all.fail_in == 0)
        return SQLITE_OK;
    if (all.fail_in > 1) {
        all.fail_in--;
        return SQLITE_OK;
    }
    if (all.fail_count == 0)
        return SQLITE_OK;
    all.fail_count--;
    all.failed = true;
    return all.fail_code;
}

static int file_close(sqlite3_file *file)
{
    return ((struct file *)file)->real->pMethods->xClose(((struct file *)file)->real);
}

static int file_read(sqlite3_file *file, void *p, int n, sqlite3_int64 at)
{
    sqlite3_file *real = ((struct file *)file)->real;
    return real->pMethods->xRead(real, p, n, at);
}

static int file_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
    struct file *f = (struct file *)file;
    if (f->disk == NULL)
        return f->real->pMethods->xWrite(f->real, p, n, at);
    pthread_mutex_lock(&all.lock);
    int rc = fate(FAULT_WRITE);
    if (rc == SQLITE_OK)
        rc = f->real->pMethods->xWrite(f->real, p, n, at);
    if (rc == SQLITE_OK)
        note(f->disk, p, (size_t)n, at);
    pthread_mutex_unlock(&all.lock);
    return rc;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct file *f = (struct file *)file;
    if (f->disk == NULL)
        return f->real->pMethods->xTruncate(f->real, size);
    pthread_mutex_lock(&all.lock);
    int rc = fate(FAULT_TRUNCATE);
    if (rc == SQLITE_OK)
        rc = f->real->pMethods->xTruncate(f->real, size);
    if (rc == SQLITE_OK)
        note(f->disk, NULL, 0, size);
    pthread_mutex_unlock(&all.lock);
    return rc;
}

/* The real sync is left out: the image is the disk. */
static int file_sync(sqlite3_file *file, int flags)
{
    struct file *f = (struct file *)file;
    if (f->disk == NULL)
        return f->real->pMethods->xSync(f->real, flags);
    pthread_mutex_lock(&all.lock);
    int rc = fate(FAULT_SYNC);
    for (struct change *c = rc == SQLITE_OK ? f->disk->first : NULL; c != NULL; c = c->next)
        apply(f->disk, c);
    forget_changes(f->disk); /* after a failure too: what was not written then is never written */
    pthread_mutex_unlock(&all.lock);
    return rc;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    sqlite3_file *real = ((struct file *)file)->real;
    return real->pMethods->xFileSize(real, ret);
}
static int file_lock(sqlite3_file *file, int level)
{
    sqlite3_file *real = ((struct file *)file)->real;
    return real->pMethods->xLock(real, level);
}
static int file_unlock(sqlite3_file *file, int level)
{
    sqlite3_file *real = ((struct file *)file)->real;
    return real->pMethods->xUnlock(real, level);
}
static int file_reserved(sqlite3_file *file, int *ret)
{
    sqlite3_file *real = ((struct file *)file)->real;
    return real->pMethods->xCheckReservedLock(real, ret);
}
static int file_control(sqlite3_file *file, int op, void *arg)
{
    sqlite3_file *real = ((struct file *)file)->real;
    /* Hints to grow the file early would go past the image. */
    return op == SQLITE_FCNTL_SIZE_HINT ? SQLITE_OK : real->pMethods->xFileControl(real, op, arg);
}
static int file_sector(sqlite3_file *file)
{
    sqlite3_file *real = ((struct file *)file)->real;
    return real->pMethods->xSectorSize(real);
}
static int file_device(sqlite3_file *file)
{
    sqlite3_file *real = ((struct file *)file)->real;
    return real->pMethods->xDeviceCharacteristics(real);
}
static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
    sqlite3_file *real = ((struct file *)file)->real;
    return real->pMethods->xShmMap(real, page, size, extend, ret);
}
static int file_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    sqlite3_file *real = ((struct file *)file)->real;
    return real->pMethods->xShmLock(real, offset, n, flags);
}
static void file_shm_barrier(sqlite3_file *file)
{
    sqlite3_file *real = ((struct file *)file)->real;
    real->pMethods->xShmBarrier(real);
}
static int file_shm_unmap(sqlite3_file *file, int delete)
{
    sqlite3_file *real = ((struct file *)file)->real;
    return real->pMethods->xShmUnmap(real, delete);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2, /* without memory mapping */
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_device,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    (void)vfs;
    struct file *f = (struct file *)file;
    *f = (struct file){.real = (sqlite3_file *)(f + 1)};
    int rc = all.real->xOpen(all.real, name, f->real, flags, ret_flags);
    if (rc != SQLITE_OK)
        return rc;
    f->base.pMethods = &methods;
    if (name != NULL && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0) {
        pthread_mutex_lock(&all.lock);
        f->disk = disk_of(name);
        pthread_mutex_unlock(&all.lock);
    }
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    int rc = all.real->xDelete(all.real, name, sync);
    pthread_mutex_lock(&all.lock);
    for (struct disk *d = all.disks; rc == SQLITE_OK && d != NULL; d = d->next)
        if (strcmp(d->path, name) == 0) {
            forget_changes(d);
            d->size = 0;
        }
    pthread_mutex_unlock(&all.lock);
    return rc;
}

const char *fault_vfs_register(void)
{
    if (all.real == NULL) {
        all.real = sqlite3_vfs_find(NULL);
        all.vfs = *all.real; /* what is not ours goes to the real one, which takes itself from pVfs only where it must */
        all.vfs.pNext = NULL;
        all.vfs.zName = "rv-fault";
        all.vfs.szOsFile = (int)sizeof(struct file) + all.real->szOsFile;
        all.vfs.xOpen = vfs_open;
        all.vfs.xDelete = vfs_delete;
        must(sqlite3_vfs_register(&all.vfs, 0) == SQLITE_OK);
    }
    return all.vfs.zName;
}

void fault_vfs_reset(void)
{
    pthread_mutex_lock(&all.lock);
    for (struct disk *d = all.disks, *next; d != NULL; d = next) {
        next = d->next;
        forget_changes(d);
        rv_free(d->image);
        rv_free(d->path);
        rv_free(d);
    }
    all.disks = NULL;
    memset(all.counts, 0, sizeof all.counts);
    all.fail_in = all.power_in = 0;
    all.failed = false;
    pthread_mutex_unlock(&all.lock);
}

void fault_vfs_fail(unsigned ops, long n, long count, int code)
{
    pthread_mutex_lock(&all.lock);
    all.fail_ops = ops;
    all.fail_in = n;
    all.fail_count = count;
    all.fail_code = code;
    all.failed = false;
    pthread_mutex_unlock(&all.lock);
}

bool fault_vfs_failed(void)
{
    pthread_mutex_lock(&all.lock);
    bool failed = all.failed;
    pthread_mutex_unlock(&all.lock);
    return failed;
}

void fault_vfs_power(long n, unsigned seed)
{
    pthread_mutex_lock(&all.lock);
    all.power_in = n;
    all.power_seed = seed;
    pthread_mutex_unlock(&all.lock);
}

long fault_vfs_count(enum fault_op op)
{
    pthread_mutex_lock(&all.lock);
    long count = all.counts[op];
    pthread_mutex_unlock(&all.lock);
    return count;
}

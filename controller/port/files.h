/* The controller's own files. Blocking; short; every path is under a directory the caller owns. The seam for disk-full
 * and I/O-error tests: the daemon and the signer reach disk for keys, journals and settings through this only (SQLite
 * has its own seam, the VFS). */
#pragma once
#include <stdbool.h>

#include "base/bytes.h"

struct rv_files_ops {
    /* At most `limit` bytes, regular files only, no symbolic link at the end. */
    enum rv_status (*read)(void *ctx, const char *path, size_t limit, struct rv_buf *ret, struct rv_error *err);
    /* New content or old content, never a mix: temporary file in the same directory, fsync, rename, fsync of the
     * directory (M-41). */
    enum rv_status (*replace)(void *ctx, const char *path, struct rv_bytes content, unsigned mode, struct rv_error *err);
    /* Appends and fsyncs before it returns. Creates with mode 0600. On failure the file is as before, or the error is
     * RV_UNCERTAIN. */
    enum rv_status (*append)(void *ctx, const char *path, struct rv_bytes content, struct rv_error *err);
    enum rv_status (*make_dir)(void *ctx, const char *path, unsigned mode, struct rv_error *err); /* fine when there */
    enum rv_status (*remove)(void *ctx, const char *path, struct rv_error *err);
};
struct rv_files {
    const struct rv_files_ops *ops;
    void *ctx;
};
extern const struct rv_files rv_files_system; /* in rt (files_posix.c, no libuv: the signer links it alone) */

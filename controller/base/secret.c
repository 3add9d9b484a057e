#include "base/secret.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"

struct rv_secret {
    size_t len, mapped;
    uint8_t data[];
};

void rv_wipe(void *p, size_t n)
{
    explicit_bzero(p, n);
}

/* Pages of its own, so that MADV_DONTDUMP and mlock mean exactly these bytes. Locking may fail under a small
 * RLIMIT_MEMLOCK; the secret is then still kept out of core dumps. */
struct rv_secret *rv_secret_create(const void *p, size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), mapped;
    if (__builtin_add_overflow(n, sizeof(struct rv_secret) + page - 1, &mapped))
        rv_out_of_memory(n);
    mapped -= mapped % page;
    struct rv_secret *s = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED)
        rv_out_of_memory(n);
    madvise(s, mapped, MADV_DONTDUMP);
    madvise(s, mapped, MADV_WIPEONFORK);
    (void)mlock(s, mapped);
    s->len = n;
    s->mapped = mapped;
    if (p != NULL && n > 0)
        memcpy(s->data, p, n);
    return s;
}

void rv_secret_destroy(struct rv_secret *secret)
{
    if (secret == NULL)
        return;
    size_t mapped = secret->mapped;
    rv_wipe(secret, mapped);
    munmap(secret, mapped);
}

uint8_t *rv_secret_data(struct rv_secret *secret)
{
    return secret->data;
}

struct rv_bytes rv_secret_bytes(const struct rv_secret *secret)
{
    return RV_BYTES(secret->data, secret->len);
}

void rv_buf_wipe_fini(struct rv_buf *buf)
{
    if (buf->data != NULL)
        rv_wipe(buf->data, buf->cap);
    rv_buf_fini(buf);
}

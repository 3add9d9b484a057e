#include "base/alloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rv_allocator rv_allocator = {malloc, realloc, free};

void rv_out_of_memory(size_t size)
{
    fprintf(stderr, "reeve: out of memory (%zu bytes wanted)\n", size);
    abort();
}

static void *must(void *p, size_t size)
{
    if (p == NULL)
        rv_out_of_memory(size);
    return p;
}

static size_t product(size_t n, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(n, size, &total))
        rv_out_of_memory(SIZE_MAX);
    return total ? total : 1;
}

void *rv_alloc(size_t size)
{
    return must(rv_allocator.alloc(size ? size : 1), size);
}

void *rv_zalloc(size_t size)
{
    return memset(rv_alloc(size), 0, size);
}

void *rv_calloc(size_t n, size_t size)
{
    return rv_zalloc(product(n, size));
}

void *rv_resize(void *p, size_t n, size_t size)
{
    size_t total = product(n, size);
    return must(rv_allocator.resize(p, total), total);
}

void rv_free(void *p)
{
    if (p != NULL)
        rv_allocator.release(p);
}

char *rv_strdup(const char *s)
{
    return s == NULL ? NULL : rv_strndup(s, strlen(s));
}

char *rv_strndup(const char *s, size_t n)
{
    char *copy = rv_alloc(n + 1);
    memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

void *rv_memdup(const void *p, size_t n)
{
    void *copy = rv_alloc(n);
    if (n > 0)
        memcpy(copy, p, n);
    return copy;
}

#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

#define BLOCK_SIZE ((size_t)8192)

struct block {
    struct block *next;
    size_t used, size;
    alignas(max_align_t) uint8_t data[];
};

struct rv_arena {
    struct block *blocks;
};

struct rv_arena *rv_arena_create(void)
{
    return rv_zalloc(sizeof(struct rv_arena));
}

void rv_arena_destroy(struct rv_arena *arena)
{
    if (arena == NULL)
        return;
    for (struct block *b = arena->blocks; b != NULL;) {
        struct block *next = b->next;
        rv_free(b);
        b = next;
    }
    rv_free(arena);
}

void *rv_arena_alloc(struct rv_arena *arena, size_t size)
{
    size_t need;
    if (__builtin_add_overflow(size, alignof(max_align_t) - 1, &need))
        rv_out_of_memory(size);
    need -= need % alignof(max_align_t);
    struct block *b = arena->blocks;
    if (b == NULL || b->size - b->used < need) {
        size_t room = need > BLOCK_SIZE / 4 ? need : BLOCK_SIZE;
        struct block *fresh = rv_alloc(sizeof *fresh + room);
        *fresh = (struct block){.size = room};
        /* A big one goes behind the current block, which still has room for small ones. */
        if (b != NULL && room != BLOCK_SIZE) {
            fresh->next = b->next;
            b->next = fresh;
        } else {
            fresh->next = b;
            arena->blocks = fresh;
        }
        b = fresh;
    }
    void *p = b->data + b->used;
    b->used += need;
    return memset(p, 0, size);
}

char *rv_arena_strdup(struct rv_arena *arena, const char *s)
{
    return s == NULL ? NULL : rv_arena_strndup(arena, s, strlen(s));
}

char *rv_arena_strndup(struct rv_arena *arena, const char *s, size_t n)
{
    char *copy = rv_arena_alloc(arena, n + 1);
    memcpy(copy, s, n);
    return copy;
}

void *rv_arena_memdup(struct rv_arena *arena, const void *p, size_t n)
{
    void *copy = rv_arena_alloc(arena, n);
    if (n > 0)
        memcpy(copy, p, n);
    return copy;
}

char *rv_arena_printf(struct rv_arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *s = rv_arena_alloc(arena, (size_t)(n < 0 ? 0 : n) + 1);
    vsnprintf(s, (size_t)(n < 0 ? 0 : n) + 1, format, again);
    va_end(again);
    return s;
}

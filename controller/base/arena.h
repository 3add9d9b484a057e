/* An arena: many small allocations with one end, the memory of one request or one job. Nothing in it is freed alone. */
#pragma once
#include <stddef.h>

struct rv_arena;
struct rv_arena *rv_arena_create(void);
void rv_arena_destroy(struct rv_arena *arena);
void *rv_arena_alloc(struct rv_arena *arena, size_t size)
    __attribute__((malloc, alloc_size(2), returns_nonnull));  /* zeroed */
char *rv_arena_strdup(struct rv_arena *arena, const char *s); /* NULL gives NULL */
char *rv_arena_strndup(struct rv_arena *arena, const char *s, size_t n);
void *rv_arena_memdup(struct rv_arena *arena, const void *p, size_t n);
char *rv_arena_printf(struct rv_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void rv_auto_rv_arena(struct rv_arena **arena)
{
    rv_arena_destroy(*arena);
}

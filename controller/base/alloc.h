/* Allocation. Running out of memory stops the process: a restart is the normal recovery path, and everything that
 * matters is on disk before anyone waits on it. Sizes that come from outside are bounded where they enter, so a failure
 * here is a machine that is out of memory, not an attack. Ownership words: *borrowed* (callee keeps nothing),
 * *given* (callee owns it now), *copied* (callee made its own). */
#pragma once
#include <stddef.h>

/* The seam: tests put their own functions here. Never change it while threads are running. */
struct rv_allocator {
    void *(*alloc)(size_t size);
    void *(*resize)(void *p, size_t size);
    void (*release)(void *p);
};
extern struct rv_allocator rv_allocator;

/* Says so and stops the process. */
_Noreturn void rv_out_of_memory(size_t size);
void *rv_alloc(size_t size) __attribute__((malloc, alloc_size(1), returns_nonnull));
void *rv_zalloc(size_t size) __attribute__((malloc, alloc_size(1), returns_nonnull));
/* n * size, stopping the process when the product does not fit. */
void *rv_calloc(size_t n, size_t size) __attribute__((malloc, alloc_size(1, 2), returns_nonnull));
void *rv_resize(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
void rv_free(void *p);
char *rv_strdup(const char *s) __attribute__((malloc)); /* NULL gives NULL */
char *rv_strndup(const char *s, size_t n) __attribute__((malloc));
void *rv_memdup(const void *p, size_t n) __attribute__((malloc));

/* RV_AUTO(rv_char) char *s = …;  frees at the end of the scope. RV_AUTO_DEFINE makes one for your own type:
 * the function gets the pointer that the variable holds, NULL included. */
#define RV_AUTO(name) __attribute__((cleanup(rv_auto_##name), unused)) /* freeing is a use */
#define RV_AUTO_DEFINE(name, type, fn)                                                                                      \
    static inline __attribute__((unused)) void rv_auto_##name(type *v)                                                      \
    {                                                                                                                       \
        fn(*v);                                                                                                             \
    }
static inline void rv_auto_char(char **s)
{
    rv_free(*s);
}
/* Hands the value out of an RV_AUTO variable. */
#define RV_TAKE(v)                                                                                                          \
    ({                                                                                                                      \
        __typeof__(v) taken_ = (v);                                                                                         \
        (v) = NULL;                                                                                                         \
        taken_;                                                                                                             \
    })
#define RV_COUNT(a) (sizeof(a) / sizeof((a)[0]))

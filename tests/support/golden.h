/* Text that is kept in the tree and compared with what the tables say today; --update writes it. */
#pragma once
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

static inline bool golden_same(const char *path, const struct rv_buf *text)
{
    RV_AUTO(rv_buf) struct rv_buf kept = {0};
    FILE *f = fopen(path, "re");
    size_t n = 1;
    while (f != NULL && n > 0) {
        n = fread(rv_buf_reserve(&kept, 65536), 1, 65536, f);
        kept.len += n;
    }
    if (f != NULL)
        fclose(f);
    return rv_bytes_equal(rv_buf_bytes(&kept), rv_buf_bytes(text));
}

/* Compares or writes one file under the source folder; 1 when it is stale. Frees the text. */
static inline int golden_check(int argc, char *argv[], const char *name, struct rv_buf *text)
{
    char path[4096];
    bool update = argc == 3 && strcmp(argv[1], "--update") == 0;
    snprintf(path, sizeof path, "%s/%s", argc > 1 ? argv[argc - 1] : ".", name);
    int stale = 0;
    if (update) {
        FILE *f = fopen(path, "we");
        stale = f == NULL || fwrite(text->data, 1, text->len, f) != text->len || fclose(f) != 0;
    } else {
        stale = !golden_same(path, text);
    }
    if (stale)
        fprintf(stderr, "%s: %s\n", name,
                update ? "cannot be written" : "is stale: run scripts/update-golden and look at the change");
    rv_buf_fini(text);
    return stale;
}

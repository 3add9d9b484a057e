/* A private folder for one test program, removed with what is in it (one level of folders deep). */
#pragma once
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char temp_dir[128];

static inline void temp_empty(const char *dir, int depth)
{
    DIR *d = opendir(dir);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        char path[512];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (unlink(path) != 0 && depth > 0)
            temp_empty(path, depth - 1);
    }
    if (d != NULL)
        closedir(d);
    rmdir(dir);
}

static inline int temp_setup(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(temp_dir, sizeof temp_dir, "%s/rv-rt-XXXXXX", base != NULL && strlen(base) < 60 ? base : "/tmp");
    return mkdtemp(temp_dir) == NULL;
}

static inline int temp_teardown(void **state)
{
    (void)state;
    temp_empty(temp_dir, 2);
    return 0;
}

/* A path in the folder; good until the next four calls. */
static inline const char *temp_path(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", temp_dir, name);
    return path;
}

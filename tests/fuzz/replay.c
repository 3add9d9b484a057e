/* Runs a fuzz target on the files of a folder, where there is no libFuzzer: what was found once stays found. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>

#include "base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay(const char *folder, const char *name)
{
    char path[4096];
    struct rv_buf input = {0};
    size_t n;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return;
    while ((n = fread(rv_buf_reserve(&input, 65536), 1, 65536, f)) > 0)
        input.len += n;
    fclose(f);
    /* its own block of exactly its size, so that the sanitizer sees one byte too far */
    uint8_t *exact = rv_memdup(input.data, input.len > 0 ? input.len : 1);
    LLVMFuzzerTestOneInput(exact, input.len);
    rv_free(exact);
    rv_buf_fini(&input);
}

int main(int argc, char *argv[])
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    int count = 0;
    if (folder == NULL) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        replay(argv[1], entry->d_name);
        count++;
    }
    closedir(folder);
    printf("%d inputs replayed\n", count);
    return count > 0 ? 0 : 1;
}

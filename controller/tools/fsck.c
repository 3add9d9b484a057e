/* reeve-fsck: looks from outside at what Reeve promises to keep true, and says what is not. Changes nothing and may run
 * beside a running reeved.
 *
 *   reeve-fsck [--data DIR] [--offline]
 *
 * Exit status 0: every invariant holds; 1: one does not, or something could not be read; 64: usage. */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "conf/settings.h"
#include "pki/digest.h"
#include "rt/loop.h"
#include "tools/fsck.h"

extern char **environ;

#define EXIT_USAGE 64
#define COMPLAINTS_SHOWN 20

void rv_fsck_bad(struct rv_fsck *fsck, const char *format, ...)
{
    va_list args;
    if (fsck->bad++ >= COMPLAINTS_SHOWN)
        return;
    fputs("     bad: ", stdout);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

/* What is looked at, in this order: the signer's journal first, because the store knows of every serial before the
 * signer does, so that what is being issued meanwhile does not look lost. */
static const struct {
    const char *promise;
    enum rv_status (*check)(struct rv_fsck *fsck, struct rv_error *err);
    bool network;
} checks[] = {
    {"the signer's journal is whole", rv_fsck_journal, false},
    {"the audit trail is whole", rv_fsck_audit, false},
    {"every certificate is what its record says, and signed by its issuer", rv_fsck_certificates, false},
    {"every signature the signer made is in the inventory", rv_fsck_signatures, false},
    {"every binding's certificate is in the inventory, and its journal agrees", rv_fsck_bindings, false},
    {"what is reported as served is served", rv_fsck_served, true},
};

static int usage(FILE *to, int rc)
{
    fputs("usage: reeve-fsck [--data DIR] [--offline]\n"
          "  --data DIR   the data folder (REEVE_DATA, or the default of reeved)\n"
          "  --offline    do not ask the endpoints what they serve\n",
          to);
    return rc;
}

static int check_all(struct rv_fsck *fsck, bool offline)
{
    int broken = 0;
    for (size_t i = 0; i < RV_COUNT(checks); i++) {
        struct rv_error err = {0};
        char text[1024];
        if (checks[i].network && offline)
            continue;
        fsck->bad = fsck->seen = 0;
        enum rv_status status = checks[i].check(fsck, &err);
        if (status != RV_OK)
            rv_fsck_bad(fsck, "%s", rv_error_text(&err, text, sizeof text));
        printf("%s  %s (%lld looked at)\n", fsck->bad == 0 ? "ok " : "BAD", checks[i].promise, (long long)fsck->seen);
        broken += fsck->bad > 0;
    }
    return broken;
}

int main(int argc, char *argv[])
{
    struct rv_fsck fsck = {0};
    struct rv_error err = {0};
    bool offline = false;
    char text[1024];
    const char *asked = getenv("REEVE_DATA");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--offline") == 0)
            offline = true;
        else if (strcmp(argv[i], "--data") == 0 && i + 1 < argc)
            asked = argv[++i];
        else if (strcmp(argv[i], "--help") == 0)
            return usage(stdout, 0);
        else
            return usage(stderr, EXIT_USAGE);
    }
    RV_AUTO(char) char *otherwise = rv_settings_data_default(environ);
    fsck.data = asked != NULL && asked[0] != '\0' ? asked : otherwise;
    struct rv_buf path = {0};
    rv_buf_printf(&path, "%s/reeve.db", fsck.data);
    struct rv_store_options options = {
        .path = rv_buf_text(&path), .digest = rv_sha256, .clock = &rv_clock_system, .read_only = true};
    int broken = 1;
    if (rv_store_open(&options, &fsck.store, &err) == RV_OK)
        broken = check_all(&fsck, offline);
    else
        fprintf(stderr, "reeve-fsck: %s\n", rv_error_text(&err, text, sizeof text));
    rv_journal_close(fsck.journal);
    rv_store_close(fsck.store);
    rv_buf_fini(&path);
    return broken == 0 ? 0 : 1;
}

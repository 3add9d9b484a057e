/* core/events: the table is sorted and complete, and the sources name no action that is not in it. */
#include "support/cmocka.h"

#include <ftw.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/events.h"

static void every_event_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < rv_event_count; i++) {
        if (i > 0)
            assert_true(strcmp(rv_events[i - 1].action, rv_events[i].action) < 0);
        assert_ptr_equal(rv_event_find(rv_events[i].action), &rv_events[i]);
        assert_non_null(strchr(rv_events[i].action, '.'));
        assert_non_null(rv_severity_name(rv_events[i].severity));
    }
    assert_null(rv_event_find("certificate"));
    assert_null(rv_event_find(""));
    assert_null(rv_event_find("zzz.zzz"));
}

static void read_all(const char *path, struct rv_buf *out)
{
    FILE *f = fopen(path, "re");
    if (f == NULL)
        fail_msg("cannot read %s", path);
    size_t n;
    while ((n = fread(rv_buf_reserve(out, 65536), 1, 65536, f)) > 0)
        out->len += n;
    fclose(f);
    rv_buf_add_byte(out, '\0');
}

/* Whether `word` begins with the object of some action: "token.made" is meant to be an action, "nginx.conf" is not. */
static bool looks_like_action(const char *word)
{
    size_t n = strcspn(word, ".") + 1;
    for (size_t i = 0; i < rv_event_count; i++)
        if (strncmp(rv_events[i].action, word, n) == 0)
            return true;
    return false;
}

/* Every literal "object.verb" whose object the table knows; names of failpoints and of stored values are other things. */
static int check_file(const char *path)
{
    struct rv_buf text = {0};
    regex_t pattern;
    regmatch_t match[3];
    int unknown = 0;
    read_all(path, &text);
    assert_int_equal(regcomp(&pattern, "(RV_FAILPOINT\\(|rv_meta_[gs]et\\(tx, )?\"([a-z]+\\.[a-zA-Z]{4,})\"", REG_EXTENDED),
                     0);
    for (const char *at = (const char *)text.data; regexec(&pattern, at, 3, match, 0) == 0; at += match[0].rm_eo) {
        char word[64];
        snprintf(word, sizeof word, "%.*s", (int)(match[2].rm_eo - match[2].rm_so), at + match[2].rm_so);
        if (match[1].rm_so < 0 && looks_like_action(word) && rv_event_find(word) == NULL) {
            print_error("%s: action \"%s\" is not in core/events.c\n", path, word);
            unknown++;
        }
    }
    regfree(&pattern);
    rv_buf_fini(&text);
    return unknown;
}

static int files_read, unknown_actions;

static int visit(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)at;
    size_t n = strlen(path);
    if (type == FTW_F && n > 2 && strcmp(path + n - 2, ".c") == 0) {
        files_read++;
        unknown_actions += check_file(path);
    }
    return 0;
}

static void sources_name_known_actions(void **state)
{
    (void)state;
    const char *source = getenv("REEVE_SOURCE");
    if (source == NULL)
        skip();
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/controller", source);
    assert_int_equal(nftw(folder, visit, 16, FTW_PHYS), 0);
    assert_true(files_read > 10);
    assert_int_equal(unknown_actions, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_is_found),
        cmocka_unit_test(sources_name_known_actions),
    };
    return cmocka_run_group_tests_name("core/events", tests, NULL, NULL);
}

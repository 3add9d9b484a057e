/* Issuing, killed at every failpoint of it; the signer killed; answers lost; everything asked twice. After each: no
 * certificate lost, no serial used twice, store, journal and audit agree. */
#include "rig.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/files.h"
#include "proxy.h"

#define WISHES 12

static struct rig rig;

static int setup(void **state)
{
    (void)state;
    rig_init(&rig, WISHES);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_fini(&rig);
    return 0;
}

/* Asks for everything again, without faults: each wish must end with exactly one certificate. */
static void finish_and_check(void)
{
    struct rv_buf out = {0};
    if (rig.signer == 0 || rig_signer_died(&rig))
        rig_signer_start(&rig, NULL);
    struct rig_run again = {.prefix = "w", .count = WISHES, .settle = true};
    int code = rig_drive(&rig, &again, &out);
    if (code != 0 || rig_ok_lines(&out) != WISHES)
        fail_msg("asked again, exit %d:\n%s", code, rv_buf_text(&out));
    rig_signer_stop(&rig);
    struct rig_counts counts = rig_check(&rig);
    assert_int_equal(counts.issued, WISHES);
    assert_int_equal(counts.intents, 0);
    assert_int_equal(counts.abandoned, 0);
    assert_int_equal(counts.journalled, WISHES);
    rv_buf_fini(&out);
}

/* ---- the failpoints, as the sources name them ---- */

struct names {
    char items[64][64];
    int count;
};

static void collect_from(const char *path, struct names *names)
{
    struct rv_buf text = {0};
    assert_int_equal(rv_files_system.ops->read(NULL, path, 1 << 20, &text, NULL), RV_OK);
    const char *at = rv_buf_text(&text);
    while ((at = strstr(at, "RV_FAILPOINT(\"")) != NULL) {
        at += strlen("RV_FAILPOINT(\"");
        size_t n = strcspn(at, "\"");
        assert_true(names->count < 64 && n < sizeof names->items[0]);
        memcpy(names->items[names->count], at, n);
        names->items[names->count++][n] = '\0';
    }
    rv_buf_fini(&text);
}

static void collect(const char *folder, struct names *names)
{
    char path[700];
    snprintf(path, sizeof path, "%s/controller/%s", getenv("REEVE_SOURCE"), folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || strcmp(dot, ".c") != 0)
            continue;
        snprintf(path, sizeof path, "%s/controller/%s/%s", getenv("REEVE_SOURCE"), folder, entry->d_name);
        collect_from(path, names);
    }
    closedir(dir);
}

static void every_failpoint_is_passed(void **state)
{
    (void)state;
    struct names names = {.count = 0};
    collect("ca", &names);
    collect("signer", &names);
    assert_true(names.count > 15);
    finish_and_check();
    for (int i = 0; i < names.count; i++)
        if (!rig_visited(&rig, names.items[i]))
            fail_msg("nothing passes %s", names.items[i]);
}

static void the_controller_dies_anywhere(void **state)
{
    (void)state;
    struct names names = {.count = 0};
    collect("ca", &names);
    for (int i = 0; i < names.count; i++) {
        char second[80];
        snprintf(second, sizeof second, "%s:2", names.items[i]);
        bool once = strstr(names.items[i], "install") != NULL; /* passed once in a life */
        const char *const places[] = {names.items[i], second};
        for (int k = 0; k < (once ? 1 : 2); k++) {
            rig_fini(&rig);
            rig_init(&rig, WISHES);
            rig_signer_start(&rig, NULL);
            struct rig_run run = {.prefix = "w", .count = WISHES, .failpoint = places[k]};
            int code = rig_drive(&rig, &run, NULL);
            if (code != RIG_KILLED)
                fail_msg("killed at %s: exit %d", places[k], code);
            finish_and_check();
        }
    }
}

static void the_signer_dies_anywhere(void **state)
{
    (void)state;
    struct names names = {.count = 0};
    collect("signer", &names);
    collect("rt", &names); /* its files */
    static const char *const visits[] = {"", ":4", ":7"};
    for (int i = 0; i < names.count; i++) {
        if (strncmp(names.items[i], "signer.", 7) != 0 && strncmp(names.items[i], "files.", 6) != 0)
            continue;
        for (size_t k = 0; k < RV_COUNT(visits); k++) {
            char place[80];
            bool once = strstr(names.items[i], "setup") != NULL;
            if (once && k > 0)
                break;
            snprintf(place, sizeof place, "%s%s", names.items[i], visits[k]);
            rig_fini(&rig);
            rig_init(&rig, WISHES);
            int deaths = 0;
            rig_signer_start(&rig, place);
            bool early = rig_signer_died(&rig);
            if (early)
                rig_signer_start(&rig, NULL);
            struct rig_run run = {.prefix = "w", .count = WISHES};
            int code = rig_drive_supervised(&rig, &run, NULL, &deaths);
            if (!early && deaths == 0 && k == 0)
                fail_msg("the signer never died at %s", place);
            if (code != 0 && code != RIG_NO_SIGNER) /* it died during setup and the controller said so */
                fail_msg("the signer died at %s: the driver ended with %d", place, code);
            finish_and_check();
        }
    }
}

static void the_signer_is_killed_under_load(void **state)
{
    (void)state;
    rig_fini(&rig);
    rig_init(&rig, WISHES);
    rig_signer_start(&rig, NULL);
    for (int round = 0; round < 4; round++) {
        struct rig_run run = {.prefix = "w", .count = WISHES, .times = 3};
        pid_t driver = rig_driver_start(&rig, &run);
        /* At some moment: as soon as it has come so far, another point each round. */
        static const char *const after[] = {"ca.before_sign", "signer.journalled", "ca.signed", "ca.committed"};
        rig_wait_visited(&rig, after[round]);
        rig_signer_kill(&rig);
        rig_signer_start(&rig, NULL);
        assert_int_equal(rig_driver_wait(&rig, driver, NULL), 0);
    }
    finish_and_check();
}

/* ---- answers that do not arrive ---- */

static void lost_answers_give_no_second_certificate(void **state)
{
    (void)state;
    rig_signer_start(&rig, NULL);
    struct rig_run first = {.prefix = "s", .count = 1}; /* setup, so that only signing meets the proxy */
    assert_int_equal(rig_drive(&rig, &first, NULL), 0);
    for (int lost = 1; lost <= 4; lost++) {
        char path[256];
        snprintf(path, sizeof path, "%s/proxy.sock", rig.dir);
        struct proxy *proxy = proxy_start(path, rig.socket, lost);
        struct rig_run run = {.prefix = "w", .count = WISHES, .socket = path};
        assert_int_equal(rig_drive(&rig, &run, NULL), 0);
        assert_true(lost > 1 || proxy_lost(proxy) > 0);
        proxy_stop(proxy);
    }
    struct rv_buf out = {0};
    struct rig_run again = {.prefix = "w", .count = WISHES, .settle = true};
    assert_int_equal(rig_drive(&rig, &again, &out), 0);
    assert_int_equal(rig_ok_lines(&out), WISHES);
    rv_buf_fini(&out);
    rig_signer_stop(&rig);
    struct rig_counts counts = rig_check(&rig);
    assert_int_equal(counts.issued, WISHES + 1);
    assert_int_equal(counts.journalled, WISHES + 1);
    assert_int_equal(counts.intents, 0);
}

/* ---- nobody asks again ---- */

static void intents_are_finished_at_start(void **state)
{
    (void)state;
    static const char *const places[] = {"ca.before_sign:2", "ca.signed:2", "ca.before_keep:2"};
    rig_signer_start(&rig, NULL);
    for (size_t i = 0; i < RV_COUNT(places); i++) {
        char prefix[8];
        snprintf(prefix, sizeof prefix, "p%zu", i);
        struct rig_run run = {.prefix = prefix, .count = WISHES, .failpoint = places[i]};
        assert_int_equal(rig_drive(&rig, &run, NULL), RIG_KILLED);
        struct rig_run start = {.prefix = prefix, .count = 0, .settle = true};
        assert_int_equal(rig_drive(&rig, &start, NULL), 0);
    }
    rig_signer_stop(&rig);
    struct rig_counts counts = rig_check(&rig);
    assert_int_equal(counts.issued, (int)RV_COUNT(places) * WISHES);
    assert_int_equal(counts.intents, 0);
    assert_int_equal(counts.abandoned, 0);
}

/* ---- everything twice ---- */

/* Lines of one number must be the same line. */
static void check_same(const struct rv_buf *out, int number)
{
    char start[16];
    snprintf(start, sizeof start, "%d ok ", number);
    const char *first = NULL;
    for (const char *at = rv_buf_text(out); at != NULL && *at != '\0'; at = strchr(at, '\n'), at += at != NULL) {
        if (strncmp(at, start, strlen(start)) != 0)
            continue;
        if (first != NULL && strncmp(first, at, strcspn(first, "\n")) != 0)
            fail_msg("two certificates for one wish:\n%s", rv_buf_text(out));
        first = at;
    }
    assert_non_null(first);
}

static void asking_twice_gives_the_same_certificate(void **state)
{
    (void)state;
    struct rv_buf out = {0};
    rig_signer_start(&rig, NULL);
    struct rig_run run = {.prefix = "w", .count = WISHES, .times = 5};
    assert_int_equal(rig_drive(&rig, &run, &out), 0);
    assert_int_equal(rig_ok_lines(&out), 5 * WISHES);
    for (int i = 0; i < WISHES; i++)
        check_same(&out, i);
    rv_buf_fini(&out);
    finish_and_check();
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_failpoint_is_passed, setup, teardown),
        cmocka_unit_test_setup_teardown(asking_twice_gives_the_same_certificate, setup, teardown),
        cmocka_unit_test_setup_teardown(intents_are_finished_at_start, setup, teardown),
        cmocka_unit_test_setup_teardown(lost_answers_give_no_second_certificate, setup, teardown),
        cmocka_unit_test_setup_teardown(the_signer_is_killed_under_load, setup, teardown),
        cmocka_unit_test_setup_teardown(the_controller_dies_anywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(the_signer_dies_anywhere, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* conf/settings: sources and their order, every default, and what wrong values are told. */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/settings_priv.h"
#include "core/plan.h"

static char folder[64], file[96], home[80];
static char *environment[] = {home, NULL};

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/reeve-settings-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(file, sizeof file, "%s/reeved.yaml", folder);
    snprintf(home, sizeof home, "HOME=%s", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(file);
    return rmdir(folder);
}

static void write_file(const char *text)
{
    FILE *f = fopen(file, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void defaults_fit_their_own_rows(void **state)
{
    (void)state;
    struct rv_settings s;
    rv_settings_defaults(&s, environment);
    assert_string_equal(s.listen, "127.0.0.1:8443");
    assert_string_equal(s.public_, "127.0.0.1:8080");
    assert_string_equal(s.signer, "");
    assert_int_equal(s.log_level, RV_LOG_INFO);
    assert_int_equal(s.http_idle_timeout, RV_SEC(60));
    assert_int_equal(s.http_body_max, 1 << 20);
    /* one meaning, written twice */
    assert_int_equal(s.observe_every, rv_policy_default.observe_every);
    assert_int_equal(s.probe_every, rv_policy_default.probe_every);
    assert_int_equal(s.settle, rv_policy_default.settle);
    assert_int_equal(s.max_issues, rv_policy_default.max_issues);
    rv_settings_fini(&s);
    for (size_t i = 0; i < rv_setting_count; i++)
        assert_true(strlen(rv_setting_table[i].help) > 10 && strchr(rv_setting_table[i].help, '|') == NULL);
}

static void data_lives_where_the_user_is(void **state)
{
    (void)state;
    char *none[] = {NULL}, *relative[] = {"XDG_STATE_HOME=x", "HOME=/home/anna", NULL},
         *xdg[] = {"HOME=/home/anna", "XDG_STATE_HOME=/s", NULL};
    const bool root = geteuid() == 0;
    const struct {
        char *const *environment;
        const char *data;
    } cases[] = {{none, "/var/lib/reeve"}, {relative, "/home/anna/.local/state/reeve"}, {xdg, "/s/reeve"}};
    for (size_t i = 0; i < RV_COUNT(cases); i++) {
        RV_AUTO(char) char *data = rv_settings_data_default(cases[i].environment);
        assert_string_equal(data, root ? "/var/lib/reeve" : cases[i].data);
    }
}

static void the_nearer_source_wins(void **state)
{
    (void)state;
    char data[80];
    snprintf(data, sizeof data, "REEVE_DATA=%s", folder);
    char *with[] = {home, data, "REEVE_LISTEN=127.0.0.1:2", "REEVE_PUBLIC=127.0.0.1:3", "REEVE_PER_ISSUER=", NULL};
    char *argv[] = {"--listen", "127.0.0.1:1", "--log-level=debug"};
    struct rv_settings s;
    struct rv_error err;
    write_file("listen: 127.0.0.1:9\npublic: 127.0.0.1:9\nlog-level: error\nper-issuer: 5\nsettle: 45s\n");
    if (rv_settings_read(&s, 3, argv, with, NULL, &err) != RV_OK)
        fail_msg("%s: %s", err.where, err.message);
    assert_string_equal(s.data, folder);
    assert_string_equal(s.listen, "127.0.0.1:1");
    assert_string_equal(s.public_, "127.0.0.1:3");
    assert_int_equal(s.log_level, RV_LOG_DEBUG);
    assert_int_equal(s.per_issuer, 5);
    assert_int_equal(s.settle, RV_SEC(45));
    assert_int_equal(s.in_flight, 256);

    struct rv_buf text = {0}; /* what is printed is what could have been written */
    rv_settings_print(&s, &text);
    write_file(rv_buf_text(&text));
    rv_buf_fini(&text);
    struct rv_settings again;
    char *only_data[] = {home, data, NULL};
    if (rv_settings_read(&again, 0, NULL, only_data, NULL, &err) != RV_OK)
        fail_msg("%s: %s", err.where, err.message);
    assert_string_equal(again.listen, s.listen);
    assert_int_equal(again.settle, s.settle);
    assert_int_equal(again.log_level, s.log_level);
    rv_settings_fini(&again);
    rv_settings_fini(&s);
}

static void arguments_behind_are_left_alone(void **state)
{
    (void)state;
    char *argv[] = {"--listen=[::1]:0", "apply", "--listen"};
    struct rv_settings s;
    struct rv_error err;
    int used = -1;
    assert_int_equal(rv_settings_read(&s, 3, argv, environment, &used, &err), RV_OK);
    assert_int_equal(used, 1);
    assert_string_equal(s.listen, "[::1]:0");
    rv_settings_fini(&s);
    assert_int_equal(rv_settings_read(&s, 3, argv, environment, NULL, &err), RV_INVALID);
}

static void wrong_values_are_explained(void **state)
{
    (void)state;
    static const struct {
        const char *option, *value, *where, *says;
    } cases[] = {
        {"--lisen", "127.0.0.1:1", "--lisen", "did you mean listen?"},
        {"--colour", "red", "--colour", "there is no setting \"colour\""},
        {"--listen", "127.0.0.1", "--listen", "expected host:port"},
        {"--listen", ":0", "--listen", "expected host:port"},
        {"--listen", "127.0.0.1:70000", "--listen", "expected host:port"},
        {"--log-level", "loud", "--log-level", "expected debug, info, warn or error"},
        {"--per-issuer", "0", "--per-issuer", "from 1 to 10000"},
        {"--per-issuer", "many", "--per-issuer", "from 1 to 10000"},
        {"--settle", "30", "--settle", "expected one like"},
        {"--settle", "2h", "--settle", "expected 1s to 1h"},
        {"--server-name", "*.example.com", "--server-name", "pattern"},
        {"--server-name", "a_b", "--server-name", "\"_\" is not allowed"},
        {"--data", "", "--data", "it is empty"},
    };
    for (size_t i = 0; i < RV_COUNT(cases); i++) {
        char *argv[] = {(char *)cases[i].option, (char *)cases[i].value};
        struct rv_settings s = {0};
        struct rv_error err = {0};
        if (rv_settings_read(&s, 2, argv, environment, NULL, &err) != RV_INVALID || strcmp(err.where, cases[i].where) != 0 ||
            strstr(err.message, cases[i].says) == NULL)
            fail_msg("%s %s: says \"%s: %s\"", cases[i].option, cases[i].value, err.where, err.message);
        assert_null(s.texts);
    }
    struct rv_settings s;
    struct rv_error err;
    char *missing[] = {"--listen"}, *twice[] = {"--listen", "a:1", "--listen", "a:2"}, *word[] = {"up"};
    assert_int_equal(rv_settings_read(&s, 1, missing, environment, NULL, &err), RV_INVALID);
    assert_non_null(strstr(err.message, "value is missing"));
    assert_int_equal(rv_settings_read(&s, 4, twice, environment, NULL, &err), RV_INVALID);
    assert_non_null(strstr(err.message, "twice"));
    assert_int_equal(rv_settings_read(&s, 1, word, environment, NULL, &err), RV_INVALID);
    char *from_outside[] = {home, "REEVE_SETTLE=x", NULL};
    assert_int_equal(rv_settings_read(&s, 0, NULL, from_outside, NULL, &err), RV_INVALID);
    assert_string_equal(err.where, "REEVE_SETTLE");
}

static void faults_of_the_file_have_a_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int line;
        const char *says;
    } cases[] = {
        {"# ours\n\nsettle: 2h\n", 3, "out of range"},
        {"listen: 127.0.0.1:1\nlisten: x\n", 2, "there twice"},
        {"data: /x\n", 1, "use --data"},
        {"listen: [a, b]\n", 1, "expected one value"},
        {"listn: 127.0.0.1:1\n", 1, "did you mean listen?"},
        {"listen: 127.0.0.1:1\n---\nsettle: 3s\n", 3, "second document"},
        {"- listen\n", 1, "expected a mapping"},
        {"listen:\n", 1, "expected one value"},
    };
    char *argv[] = {"--data", folder};
    for (size_t i = 0; i < RV_COUNT(cases); i++) {
        struct rv_settings s;
        struct rv_error err = {0};
        char where[128];
        write_file(cases[i].text);
        snprintf(where, sizeof where, "%s:%d", file, cases[i].line);
        if (rv_settings_read(&s, 2, argv, environment, NULL, &err) != RV_INVALID ||
            strncmp(err.where, where, strlen(where)) != 0 || strstr(err.message, cases[i].says) == NULL)
            fail_msg("%s: says \"%s: %s\"", cases[i].text, err.where, err.message);
    }
    unlink(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_fit_their_own_rows), cmocka_unit_test(data_lives_where_the_user_is),
        cmocka_unit_test(the_nearer_source_wins),      cmocka_unit_test(arguments_behind_are_left_alone),
        cmocka_unit_test(wrong_values_are_explained),  cmocka_unit_test(faults_of_the_file_have_a_line),
    };
    return cmocka_run_group_tests_name("conf/settings", tests, setup, teardown);
}

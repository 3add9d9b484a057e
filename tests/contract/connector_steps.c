/* The transaction, step by step, when nothing goes wrong, and when answers get lost. */
#include "contract/connector_case.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "pki/csr.h"

static void a_fresh_target_is_observed(void **state)
{
    struct connector_case *c = *state;
    must(c, do_observe(c));
    struct rv_target_report *r = &c->result.report;
    assert_hash(&r->current, &c->lab->foreign);
    assert_true(rv_hash_is_zero(&r->previous) && rv_hash_is_zero(&r->armed));
    assert_int_equal(r->pair_count, 0);
    assert_int_equal(r->key_count, 0);
    assert_true(r->free_bytes > 0);
    assert_false(r->locked_by_other);
    rv_dur off = r->target_clock - rv_now(&rv_clock_system);
    assert_true(off < RV_MIN(5) && off > -RV_MIN(5));
    assert_ptr_equal(strstr(r->server, "nginx/"), r->server);
    assert_false(path_exists(c, "reeve")); /* looking changes nothing */
}

static mode_t mode_of(struct connector_case *c, const char *name, const struct rv_hash *fingerprint)
{
    char hex[RV_HASH_TEXT], path[600];
    struct stat st;
    snprintf(path, sizeof path, "%s/shop/slots/%s/%s", c->lab->directory, rv_hash_hex(hex, fingerprint), name);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void assert_link(struct connector_case *c, const char *file, const char *within)
{
    char path[600], to[600] = "", expected[600];
    snprintf(path, sizeof path, "%s/tls/%s", c->lab->root, file);
    snprintf(expected, sizeof expected, "%s/shop/%s", c->lab->directory, within);
    assert_true(readlink(path, to, sizeof to - 1) > 0);
    assert_string_equal(to, expected);
}

static void a_pair_goes_the_whole_way(void **state)
{
    struct connector_case *c = *state;
    struct rv_lab_pair pair;
    must(c, do_key(c));
    RV_AUTO(rv_arena) struct rv_arena *arena = rv_arena_create();
    struct rv_csr csr;
    struct rv_hash spki = c->result.spki;
    assert_int_equal(rv_csr_read(c->result.csr, arena, &csr, &c->err), RV_OK);
    assert_hash(&csr.spki_hash, &spki);
    assert_int_equal(csr.names.count, 2);
    must(c, do_observe(c));
    assert_int_equal(c->result.report.key_count, 1);
    assert_hash(&c->result.report.keys[0], &spki);
    assert_true(rv_lab_sign(c->lab, csr.der, &(struct rv_lab_wish){0}, &pair));
    must(c, do_stage(c, &pair, &spki));
    must(c, do_observe(c));
    assert_true(has_pair(&c->result.report, &pair.fingerprint));
    assert_hash(&c->result.report.current, &c->lab->foreign);
    assert_served(c, &c->lab->foreign);

    must(c, do_switch(c, &pair.fingerprint, RV_SEC(60)));
    assert_served(c, &pair.fingerprint);
    must(c, do_observe(c));
    assert_hash(&c->result.report.current, &pair.fingerprint);
    assert_hash(&c->result.report.armed, &pair.fingerprint);
    assert_true(c->result.report.armed_until > rv_now(&rv_clock_system));
    assert_false(c->result.report.locked_by_other);
    assert_true(has_pair(&c->result.report, &c->lab->foreign)); /* adopted: there is a way back */

    must(c, do_keep(c, &pair.fingerprint));
    must(c, do_observe(c));
    assert_hash(&c->result.report.current, &pair.fingerprint);
    assert_hash(&c->result.report.previous, &c->lab->foreign);
    assert_true(rv_hash_is_zero(&c->result.report.armed));
    assert_link(c, "shop.crt", "current/fullchain.pem");
    assert_link(c, "shop.key", "current/key.pem");
    assert_int_equal(mode_of(c, "key.pem", &pair.fingerprint), 0600);
    assert_int_equal(mode_of(c, "key.pem", &c->lab->foreign), 0600);
    assert_false(path_exists(c, "reeve/shop/back") || path_exists(c, "reeve/shop/armed") ||
                 path_exists(c, "reeve/shop/decision") || path_exists(c, "reeve/shop/.said") ||
                 path_exists(c, "reeve/shop/slots/.new") || path_exists(c, "reeve/shop/pending/.new"));

    must(c, do_undo(c, &pair.fingerprint)); /* also when it was kept */
    assert_served(c, &c->lab->foreign);
    must(c, do_undo(c, &pair.fingerprint));
    assert_current(c, &c->lab->foreign);
    rv_lab_pair_fini(&pair);
}

static void every_step_may_be_repeated(void **state)
{
    struct connector_case *c = *state;
    struct rv_lab_pair pair;
    must(c, do_key(c));
    struct rv_hash spki = c->result.spki;
    assert_true(rv_lab_sign(c->lab, c->result.csr, &(struct rv_lab_wish){0}, &pair));
    for (int i = 0; i < 2; i++)
        must(c, do_stage(c, &pair, &spki));
    for (int i = 0; i < 2; i++)
        must(c, do_switch(c, &pair.fingerprint, RV_SEC(60)));
    for (int i = 0; i < 2; i++)
        must(c, do_keep(c, &pair.fingerprint));
    must(c, do_switch(c, &pair.fingerprint, RV_SEC(60)));
    must(c, do_keep(c, &pair.fingerprint));
    assert_served(c, &pair.fingerprint);
    must(c, do_observe(c));
    assert_hash(&c->result.report.previous, &c->lab->foreign);
    for (int i = 0; i < 2; i++)
        must(c, do_undo(c, &pair.fingerprint));
    assert_served(c, &c->lab->foreign);
    rv_lab_pair_fini(&pair);
}

static bool wait_disarmed(struct connector_case *c)
{
    for (int64_t until = rv_mono(&rv_clock_system) + RV_SEC(30); rv_mono(&rv_clock_system) < until; rv_lab_pause())
        if (!path_exists(c, "reeve/shop/armed"))
            return true;
    return false;
}

/* The controller vanishes: nobody says keep. */
static void the_target_puts_back_by_itself(void **state)
{
    struct connector_case *c = *state;
    struct rv_lab_pair pair;
    make_pair(c, &(struct rv_lab_wish){0}, &pair);
    must(c, do_switch(c, &pair.fingerprint, RV_SEC(3)));
    assert_served(c, &pair.fingerprint);
    assert_true(wait_disarmed(c));
    assert_served(c, &c->lab->foreign);
    assert_current(c, &c->lab->foreign);
    must_fail(c, do_keep(c, &pair.fingerprint), RV_CONFLICT, "late");
    assert_served(c, &c->lab->foreign);
    rv_lab_pair_fini(&pair);
}

static void undo_does_not_wait_for_the_deadline(void **state)
{
    struct connector_case *c = *state;
    struct rv_lab_pair pair;
    make_pair(c, &(struct rv_lab_wish){0}, &pair);
    must(c, do_switch(c, &pair.fingerprint, RV_MIN(10)));
    must(c, do_undo(c, &pair.fingerprint));
    assert_served(c, &c->lab->foreign);
    must(c, do_undo(c, &pair.fingerprint));
    assert_current(c, &c->lab->foreign);
    rv_lab_pair_fini(&pair);
}

static void kill_guard(struct connector_case *c)
{
    pid_t guard = rv_lab_guard(c->lab);
    assert_true(guard > 1);
    assert_int_equal(kill(guard, SIGKILL), 0);
}

static void a_switch_without_guard_is_ended(void **state)
{
    struct connector_case *c = *state;
    struct rv_lab_pair pair;
    make_pair(c, &(struct rv_lab_wish){0}, &pair);
    must(c, do_switch(c, &pair.fingerprint, RV_MIN(10)));
    assert_served(c, &pair.fingerprint);
    kill_guard(c);
    for (int64_t until = rv_mono(&rv_clock_system) + RV_SEC(20); rv_mono(&rv_clock_system) < until;) {
        must(c, do_observe(c)); /* the lock goes when the last child of the guard has gone */
        if (rv_hash_is_zero(&c->result.report.armed))
            break;
    }
    assert_hash(&c->result.report.current, &c->lab->foreign);
    assert_served(c, &c->lab->foreign);

    must(c, do_switch(c, &pair.fingerprint, RV_MIN(10)));
    kill_guard(c);
    must(c, do_keep(c, &pair.fingerprint)); /* it was proved: keep comes to its end without the guard */
    assert_current(c, &pair.fingerprint);
    assert_served(c, &pair.fingerprint);
    rv_lab_pair_fini(&pair);
}

static void drift_is_seen_and_adopted(void **state)
{
    struct connector_case *c = *state;
    struct rv_lab_pair pair;
    make_pair(c, &(struct rv_lab_wish){0}, &pair);
    must(c, do_switch(c, &pair.fingerprint, RV_MIN(10)));
    must(c, do_keep(c, &pair.fingerprint));
    char crt[320], key[320]; /* somebody puts files where our links are */
    snprintf(crt, sizeof crt, "%s/tls/shop.crt", c->lab->root);
    snprintf(key, sizeof key, "%s/tls/shop.key", c->lab->root);
    unlink(crt);
    unlink(key);
    const char *argv[] = {"openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "9",
                          "-keyout", key,   "-out",  crt,       "-subj",   "/CN=x",  NULL};
    assert_int_equal(rv_lab_run(argv, (struct rv_bytes){0}, NULL), 0);
    must(c, do_observe(c));
    struct rv_hash drifted = c->result.report.current;
    assert_false(rv_hash_is_zero(&drifted) || rv_hash_equal(&drifted, &pair.fingerprint));
    must(c, do_switch(c, &pair.fingerprint, RV_MIN(10)));
    assert_served(c, &pair.fingerprint);
    must(c, do_undo(c, &pair.fingerprint));
    assert_served(c, &drifted);
    rv_lab_pair_fini(&pair);
}

static void keys_of_each_kind(void **state)
{
    struct connector_case *c = *state;
    static const struct rv_key_spec kinds[] = {{.algorithm = RV_KEY_ECDSA, .size = 384},
                                               {.algorithm = RV_KEY_RSA, .size = 2048},
                                               {.algorithm = RV_KEY_ED25519, .size = 256}};
    static const char *ips[] = {"192.0.2.7", "2001:db8::7"}, *uris[] = {"https://shop.example.com/$HOME,#'\""},
                      *mails[] = {"ops@example.com"};
    c->certificate.ip_addresses = (struct rv_texts){2, ips};
    c->certificate.uris = (struct rv_texts){1, uris};
    c->certificate.email_addresses = (struct rv_texts){1, mails};
    c->certificate.common_name = "shop.example.com";
    RV_AUTO(rv_arena) struct rv_arena *arena = rv_arena_create();
    for (size_t i = 0; i < RV_COUNT(kinds); i++) {
        struct rv_csr csr;
        c->certificate.key = kinds[i];
        if (i == 1) /* the writer of the request copes with any name; the reader is strict about URIs */
            c->certificate.uris.count = 0;
        enum rv_status status = do_key(c);
        if (i == 0 && status != RV_OK) {
            must_fail(c, status, RV_INVALID, "answer"); /* our reader refused the odd URI: it came through unharmed */
            continue;
        }
        must(c, status);
        assert_int_equal(rv_csr_read(c->result.csr, arena, &csr, &c->err), RV_OK);
        assert_int_equal(csr.key.algorithm, kinds[i].algorithm);
        assert_int_equal(csr.key.bits, kinds[i].size);
        assert_string_equal(csr.common_name, "shop.example.com");
        assert_int_equal(csr.names.count, 5 + c->certificate.uris.count);
    }
}

static void rotation_never_keeps_the_key(void **state)
{
    struct connector_case *c = *state;
    struct rv_lab_pair pair, next;
    c->certificate.key.rotation = RV_ROTATE_NEVER;
    must(c, do_key(c));
    struct rv_hash spki = c->result.spki;
    assert_true(rv_lab_sign(c->lab, c->result.csr, &(struct rv_lab_wish){0}, &pair));
    must(c, do_stage(c, &pair, &spki));
    must(c, do_switch(c, &pair.fingerprint, RV_MIN(10)));
    must(c, do_keep(c, &pair.fingerprint));
    must(c, do_key(c));
    assert_hash(&c->result.spki, &spki);
    assert_true(rv_lab_sign(c->lab, c->result.csr, &(struct rv_lab_wish){0}, &next));
    must(c, do_stage(c, &next, &spki));
    must(c, do_switch(c, &next.fingerprint, RV_MIN(10)));
    assert_served(c, &next.fingerprint);
    must(c, do_keep(c, &next.fingerprint));
    c->certificate.key.algorithm = RV_KEY_ED25519; /* another kind needs another key */
    must(c, do_key(c));
    assert_memory_not_equal(c->result.spki.b, spki.b, RV_HASH_SIZE);
    rv_lab_pair_fini(&pair);
    rv_lab_pair_fini(&next);
}

static void a_key_from_the_controller(void **state)
{
    struct connector_case *c = *state;
    struct rv_lab_pair pair;
    c->certificate.key.place = RV_KEY_ON_CONTROLLER;
    make_pair(c, &(struct rv_lab_wish){0}, &pair);
    must(c, do_switch(c, &pair.fingerprint, RV_MIN(10)));
    assert_served(c, &pair.fingerprint);
    must(c, do_keep(c, &pair.fingerprint));
    assert_int_equal(mode_of(c, "key.pem", &pair.fingerprint), 0600);
    rv_lab_pair_fini(&pair);
}

static void rights_are_raised_for_check_and_reload_only(void **state)
{
    struct connector_case *c = *state;
    struct rv_lab_pair pair;
    char sudo[280], script[700];
    snprintf(sudo, sizeof sudo, "%s/raise", c->lab->root);
    snprintf(script, sizeof script, "#!/bin/sh\n[ \"$1\" = -n ] || exit 9\nshift\necho \"$*\" >>%s/raised\nexec \"$@\"\n",
             c->lab->root);
    rv_lab_write(c->lab, "raise", script, 0755);
    c->target.sudo = sudo;
    make_pair(c, &(struct rv_lab_wish){0}, &pair);
    must(c, do_switch(c, &pair.fingerprint, RV_MIN(10)));
    must(c, do_keep(c, &pair.fingerprint));
    assert_served(c, &pair.fingerprint);
    char path[320], expected[2000];
    snprintf(path, sizeof path, "%s/raised", c->lab->root);
    const char *argv[] = {"cat", path, NULL}, *r = c->lab->root;
    RV_AUTO(rv_buf) struct rv_buf raised = {0};
    assert_int_equal(rv_lab_run(argv, (struct rv_bytes){0}, &raised), 0);
    snprintf(expected, sizeof expected,
             "%s/server -c %s/nginx.conf -p %s -t\n%s/server -c %s/nginx.conf -p %s -t\n"
             "%s/server -c %s/nginx.conf -p %s -s reload\n",
             r, r, r, r, r, r, r, r, r);
    assert_string_equal(rv_buf_text(&raised), expected);
    rv_lab_pair_fini(&pair);
}

/* ---- where key bytes are */

static char secret_line[65], secret_home[600], secret_found[600];

static int look_into(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)ftw;
    if (type != FTW_F || st->st_size > 1 << 20 || strcmp(path, secret_home) == 0)
        return 0;
    const char *argv[] = {"grep", "-qF", "-f", "/dev/stdin", path, NULL};
    if (rv_lab_run(argv, rv_bytes_of(secret_line), NULL) == 0)
        snprintf(secret_found, sizeof secret_found, "%s", path);
    return 0;
}

static void key_bytes_lie_in_the_slot_only(void **state)
{
    struct connector_case *c = *state;
    for (int place = RV_KEY_ON_TARGET; place <= RV_KEY_ON_CONTROLLER; place++) {
        struct rv_lab_pair pair;
        char hex[RV_HASH_TEXT];
        c->certificate.key.place = (enum rv_key_place)place;
        make_pair(c, &(struct rv_lab_wish){0}, &pair);
        must(c, do_switch(c, &pair.fingerprint, RV_MIN(10)));
        must(c, do_keep(c, &pair.fingerprint));
        snprintf(secret_home, sizeof secret_home, "%s/shop/slots/%s/key.pem", c->lab->directory,
                 rv_hash_hex(hex, &pair.fingerprint));
        FILE *f = fopen(secret_home, "r");
        assert_non_null(f);
        char first[128];
        assert_non_null(fgets(first, sizeof first, f));
        assert_non_null(fgets(secret_line, sizeof secret_line, f)); /* 64 characters of base64 */
        fclose(f);
        assert_int_equal(strlen(secret_line), 64);
        secret_found[0] = '\0';
        assert_int_equal(nftw(c->lab->root, look_into, 16, FTW_PHYS), 0);
        assert_string_equal(secret_found, "");
        assert_null(strstr(c->result.log, secret_line));
        rv_lab_pair_fini(&pair);
    }
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, case_setup, case_teardown)
const struct CMUnitTest connector_steps[] = {
    CASE(a_fresh_target_is_observed),
    CASE(a_pair_goes_the_whole_way),
    CASE(every_step_may_be_repeated),
    CASE(the_target_puts_back_by_itself),
    CASE(undo_does_not_wait_for_the_deadline),
    CASE(a_switch_without_guard_is_ended),
    CASE(drift_is_seen_and_adopted),
    CASE(keys_of_each_kind),
    CASE(rotation_never_keeps_the_key),
    CASE(a_key_from_the_controller),
    CASE(rights_are_raised_for_check_and_reload_only),
    CASE(key_bytes_lie_in_the_slot_only),
};
const size_t connector_steps_count = RV_COUNT(connector_steps);

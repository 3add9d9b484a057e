/* Bad days: after each of these the target serves exactly the old pair or exactly the new one, and what is reported is
 * what is the case. */
#include "contract/connector_case.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what stage refuses */

static void request(struct connector_case *c, struct rv_buf *csr, struct rv_hash *spki)
{
    must(c, do_key(c));
    *spki = c->result.spki;
    rv_buf_clear(csr);
    rv_buf_add(csr, c->csr.data, c->csr.len);
}

static void refuse_stage(struct connector_case *c, const struct rv_lab_pair *pair, const struct rv_hash *spki,
                         enum rv_status status, const char *phase, const char *text)
{
    char hex[RV_HASH_TEXT];
    must_fail(c, do_stage(c, pair, spki), status, phase);
    assert_non_null(strstr(c->err.message, text));
    assert_false(path_exists(c, "reeve/shop/slots/%s", rv_hash_hex(hex, &pair->fingerprint)));
    assert_false(path_exists(c, "reeve/shop/slots/.new"));
}

static void a_mismatched_pair_is_not_staged(void **state)
{
    struct connector_case *c = *state;
    RV_AUTO(rv_buf) struct rv_buf csr = {0};
    struct rv_hash one, other;
    struct rv_lab_pair pair;
    request(c, &csr, &one);
    must(c, do_key(c));
    other = c->result.spki;
    assert_true(rv_lab_sign(c->lab, rv_buf_bytes(&csr), &(struct rv_lab_wish){0}, &pair));
    refuse_stage(c, &pair, &other, RV_INVALID, "pair", "the key does not belong to the certificate");
    struct rv_hash unknown = {.b = {1, 2, 3}};
    refuse_stage(c, &pair, &unknown, RV_NOT_FOUND, "key", "not on the target");
    struct rv_lab_pair named = pair;
    named.fingerprint.b[5] ^= 1;
    refuse_stage(c, &named, &one, RV_INVALID, "pair", "the leaf is not the certificate");
    must(c, do_stage(c, &pair, &one)); /* nothing of this spoilt the right one */
    rv_lab_pair_fini(&pair);
}

static void other_names_stay_off_the_target(void **state)
{
    struct connector_case *c = *state;
    static const char *other[] = {"shop.example.com", "www.shop.example.com", "admin.shop.example.com"};
    RV_AUTO(rv_buf) struct rv_buf csr = {0};
    struct rv_hash spki;
    struct rv_lab_pair pair;
    struct rv_texts asked = c->certificate.dns_names;
    request(c, &csr, &spki);
    assert_true(rv_lab_sign(c->lab, rv_buf_bytes(&csr), &(struct rv_lab_wish){0}, &pair));
    for (size_t i = 1; i <= RV_COUNT(other); i += 2) { /* a name less, and a name more */
        c->certificate.dns_names = (struct rv_texts){i, other};
        refuse_stage(c, &pair, &spki, RV_INVALID, "input", i == 1 ? "expected dns:shop.example.com" : "dns:admin.");
    }
    c->certificate.dns_names = asked;
    char *text = pair.certificate_pem, none[] = "";
    pair.certificate_pem = none;
    refuse_stage(c, &pair, &spki, RV_INVALID, "input", "CERTIFICATE");
    pair.certificate_pem = text;
    must(c, do_stage(c, &pair, &spki));
    rv_lab_pair_fini(&pair);
}

static void the_targets_clock_decides(void **state)
{
    struct connector_case *c = *state;
    RV_AUTO(rv_buf) struct rv_buf csr = {0};
    struct rv_hash spki;
    struct rv_lab_pair pair;
    request(c, &csr, &spki);
    assert_true(rv_lab_sign(c->lab, rv_buf_bytes(&csr), &(struct rv_lab_wish){.expired = true}, &pair));
    refuse_stage(c, &pair, &spki, RV_INVALID, "pair", "certificate has expired");
    rv_lab_pair_fini(&pair);
    assert_true(rv_lab_sign(c->lab, rv_buf_bytes(&csr), &(struct rv_lab_wish){.early = true}, &pair));
    refuse_stage(c, &pair, &spki, RV_INVALID, "pair", "certificate is not yet valid");
    rv_lab_pair_fini(&pair);
}

static void only_clean_pem_and_the_right_chain_are_staged(void **state)
{
    struct connector_case *c = *state;
    RV_AUTO(rv_buf) struct rv_buf csr = {0};
    struct rv_hash spki;
    struct rv_lab_pair pair;
    request(c, &csr, &spki);
    assert_true(rv_lab_sign(c->lab, rv_buf_bytes(&csr), &(struct rv_lab_wish){0}, &pair));
    static const char *const dirt[] = {"\n%s", "%s\n\n%s", "%s\r\n", "hello\n%s", "-----BEGIN PRIVATE KEY-----\n%s"};
    for (size_t i = 0; i < RV_COUNT(dirt); i++) {
        struct rv_lab_pair dirty = pair;
        RV_AUTO(rv_buf) struct rv_buf text = {0};
        for (const char *at = dirt[i]; *at != '\0'; at++)
            if (at[0] == '%')
                rv_buf_add_text(&text, pair.chain_pem), at++;
            else
                rv_buf_add_byte(&text, (uint8_t)*at);
        if (i == 2) /* a carriage return inside */
            *(char *)memchr(text.data + 40, '\n', text.len - 40) = '\r';
        dirty.chain_pem = (char *)(uintptr_t)rv_buf_text(&text);
        must_fail(c, do_stage(c, &dirty, &spki), RV_INVALID, "pair");
        assert_non_null(strstr(c->err.message, "not clean PEM"));
    }
    struct rv_lab_pair wrong = pair; /* the chain of somebody else */
    char path[320];
    snprintf(path, sizeof path, "%s/tls/shop.crt", c->lab->root);
    const char *argv[] = {"cat", path, NULL};
    RV_AUTO(rv_buf) struct rv_buf foreign = {0};
    assert_int_equal(rv_lab_run(argv, (struct rv_bytes){0}, &foreign), 0);
    wrong.chain_pem = (char *)(uintptr_t)rv_buf_text(&foreign);
    refuse_stage(c, &wrong, &spki, RV_INVALID, "pair", "the chain does not lead to the leaf");
    must(c, do_stage(c, &pair, &spki));
    rv_lab_pair_fini(&pair);
}

/* ---- the lock */

static void a_held_lock_is_respected(void **state)
{
    struct connector_case *c = *state;
    struct rv_lab_pair pair;
    make_pair(c, &(struct rv_lab_wish){0}, &pair);
    char path[320];
    snprintf(path, sizeof path, "%s/shop", c->lab->directory);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    must_fail(c, do_switch(c, &pair.fingerprint, RV_SEC(60)), RV_UNAVAILABLE, "lock");
    must_fail(c, do_key(c), RV_UNAVAILABLE, "lock");
    must(c, do_observe(c));
    assert_true(c->result.report.locked_by_other);
    assert_hash(&c->result.report.current, &c->lab->foreign);
    close(fd);
    must(c, do_switch(c, &pair.fingerprint, RV_SEC(60)));
    must(c, do_observe(c));
    assert_false(c->result.report.locked_by_other); /* our own guard has it: that is "armed" */
    assert_false(rv_hash_is_zero(&c->result.report.armed));
    must_fail(c, do_key(c), RV_UNAVAILABLE, "lock");
    must_fail(c, do_keep(c, &c->lab->foreign), RV_UNAVAILABLE, "lock");
    must(c, do_keep(c, &pair.fingerprint));
    rv_lab_pair_fini(&pair);
}

/* ---- the server */

static void a_foreign_fault_is_told_and_nothing_is_flipped(void **state)
{
    struct connector_case *c = *state;
    struct rv_lab_pair pair;
    make_pair(c, &(struct rv_lab_wish){0}, &pair);
    rv_lab_break_configuration(c->lab, true);
    must_fail(c, do_switch(c, &pair.fingerprint, RV_SEC(60)), RV_UNAVAILABLE, "check-before");
    assert_non_null(strstr(c->result.log, "somebody_else_was_here"));
    assert_current(c, &c->lab->foreign);
    struct stat st;
    char path[320];
    snprintf(path, sizeof path, "%s/tls/shop.crt", c->lab->root);
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_served(c, &c->lab->foreign);
    rv_lab_break_configuration(c->lab, false);
    must(c, do_switch(c, &pair.fingerprint, RV_SEC(60)));
    assert_served(c, &pair.fingerprint);

    /* Broken while a switch is armed: the pair is put back all the same, the server cannot be told, and that is said. */
    rv_lab_break_configuration(c->lab, true);
    must_fail(c, do_undo(c, &pair.fingerprint), RV_UNCERTAIN, "undo");
    assert_current(c, &c->lab->foreign);
    assert_served(c, &pair.fingerprint);
    rv_lab_break_configuration(c->lab, false);
    must(c, do_observe(c)); /* the next look tells it */
    assert_served(c, &c->lab->foreign);
    must(c, do_undo(c, &pair.fingerprint));
    assert_false(path_exists(c, "reeve/shop/unreloaded"));
    rv_lab_pair_fini(&pair);
}

static void a_pair_that_the_server_refuses_is_put_back(void **state)
{
    struct connector_case *c = *state;
    struct rv_lab_pair pair;
    char hex[RV_HASH_TEXT], fault[128];
    make_pair(c, &(struct rv_lab_wish){0}, &pair);
    snprintf(fault, sizeof fault, "check-fails-with %s", rv_hash_hex(hex, &pair.fingerprint));
    rv_lab_fault(c->lab, fault);
    must_fail(c, do_switch(c, &pair.fingerprint, RV_SEC(60)), RV_INVALID, "check");
    assert_non_null(strstr(c->result.log, "the lab refuses this pair"));
    assert_current(c, &c->lab->foreign);
    assert_true(rv_hash_is_zero(&c->result.report.armed));
    assert_served(c, &c->lab->foreign);
    rv_lab_fault(c->lab, "");
    must(c, do_switch(c, &pair.fingerprint, RV_SEC(60)));
    assert_served(c, &pair.fingerprint);
    rv_lab_pair_fini(&pair);
}

static void a_reload_that_fails_or_hangs_is_put_back(void **state)
{
    struct connector_case *c = *state;
    struct rv_lab_pair pair;
    make_pair(c, &(struct rv_lab_wish){0}, &pair);
    c->deploy.deadline = RV_SEC(15); /* three seconds for each command of the server */
    static const char *const faults[] = {"reload-fails", "reload-hangs"};
    for (size_t i = 0; i < RV_COUNT(faults); i++) {
        rv_lab_fault(c->lab, faults[i]);
        must_fail(c, do_switch(c, &pair.fingerprint, RV_SEC(60)), RV_UNAVAILABLE, "reload");
        assert_non_null(strstr(c->result.log, i == 0 ? "the lab says no" : "stopped"));
        rv_lab_fault(c->lab, "");
        assert_current(c, &c->lab->foreign);
        assert_true(rv_hash_is_zero(&c->result.report.armed));
        assert_served(c, &c->lab->foreign);
    }
    must(c, do_switch(c, &pair.fingerprint, RV_SEC(60)));
    assert_served(c, &pair.fingerprint);
    rv_lab_pair_fini(&pair);
}

/* Everything says yes, and the old pair is served: only a handshake tells. */
static void a_server_that_goes_on_is_seen_by_a_handshake(void **state)
{
    struct connector_case *c = *state;
    struct rv_lab_pair pair;
    struct rv_hash served;
    make_pair(c, &(struct rv_lab_wish){0}, &pair);
    rv_lab_fault(c->lab, "reload-ignored");
    must(c, do_switch(c, &pair.fingerprint, RV_SEC(60)));
    assert_true(rv_lab_served(c->lab, &served));
    assert_hash(&served, &c->lab->foreign);
    must(c, do_undo(c, &pair.fingerprint));
    assert_current(c, &c->lab->foreign);
    rv_lab_fault(c->lab, "");
    rv_lab_pair_fini(&pair);
}

static void a_missing_program_is_named(void **state)
{
    struct connector_case *c = *state;
    c->target.server.binary = "no-such-server";
    must_fail(c, do_observe(c), RV_UNAVAILABLE, "tools");
    assert_non_null(strstr(c->err.message, "no-such-server"));
}

static void a_foreign_pair_that_does_not_fit_is_not_adopted(void **state)
{
    struct connector_case *c = *state;
    struct rv_lab_pair pair;
    make_pair(c, &(struct rv_lab_wish){0}, &pair);
    char key[320];
    snprintf(key, sizeof key, "%s/tls/shop.key", c->lab->root);
    const char *argv[] = {"openssl", "genpkey", "-algorithm", "ED25519", "-out", key, NULL};
    assert_int_equal(rv_lab_run(argv, (struct rv_bytes){0}, NULL), 0);
    /* nginx -t says that all is well, since the key is of another kind; our own look does not. */
    must_fail(c, do_switch(c, &pair.fingerprint, RV_SEC(60)), RV_INVALID, "adopt");
    assert_served(c, &c->lab->foreign);
    rv_lab_pair_fini(&pair);
}

/* ---- the disk */

static void a_full_disk_changes_nothing(void **state)
{
    struct connector_case *c = *state;
    if (geteuid() != 0) {
        print_message("skipped: only root may mount the small file system this needs\n");
        skip();
    }
    assert_int_equal(mkdir(c->lab->directory, 0755), 0);
    if (mount("tmpfs", c->lab->directory, "tmpfs", 0, "size=160k,mode=0711") != 0) {
        print_message("skipped: no file system may be mounted here\n");
        skip();
    }
    struct rv_lab_pair pair, next;
    char fill[320];
    snprintf(fill, sizeof fill, "%s/fill", c->lab->directory);
    make_pair(c, &(struct rv_lab_wish){0}, &pair);
    must(c, do_key(c));
    struct rv_hash spki = c->result.spki;
    assert_true(rv_lab_sign(c->lab, c->result.csr, &(struct rv_lab_wish){0}, &next));
    must(c, do_switch(c, &pair.fingerprint, RV_MIN(5)));

    static const uint8_t zeros[4096];
    int fd = open(fill, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (write(fd, zeros, sizeof zeros) > 0)
        ;
    must(c, do_undo(c, &pair.fingerprint)); /* the way back needs no room */
    assert_served(c, &c->lab->foreign);
    enum rv_status status = do_stage(c, &next, &spki);
    must_fail(c, status, RV_LIMITED, "disk");
    must_fail(c, do_key(c), RV_LIMITED, "disk");
    assert_current(c, &c->lab->foreign);
    close(fd);
    unlink(fill);
    must(c, do_stage(c, &next, &spki));
    must(c, do_switch(c, &next.fingerprint, RV_MIN(5)));
    assert_served(c, &next.fingerprint);
    must(c, do_keep(c, &next.fingerprint));
    assert_int_equal(umount2(c->lab->directory, MNT_DETACH), 0);
    rv_lab_pair_fini(&pair);
    rv_lab_pair_fini(&next);
}

static int unmount_teardown(void **state)
{
    struct connector_case *c = *state;
    if (c != NULL && geteuid() == 0)
        (void)umount2(c->lab->directory, MNT_DETACH);
    return case_teardown(state);
}

/* ---- injection (M-40): through every field, and past the first wall too */

static const char *const injections[] = {
    "$(touch CANARY)",
    "`touch CANARY`",
    "; touch CANARY",
    "| touch CANARY",
    "& touch CANARY &",
    "\n touch CANARY\n",
    "'; touch CANARY; '",
    "\"; touch CANARY; \"",
    "' $(touch CANARY) '",
    "\\'; touch CANARY #",
    "${IFS}touch${IFS}CANARY",
    "-oProxyCommand=touch CANARY",
    "--help",
    "../../../etc/passwd",
    "/etc/../etc/shadow",
    "end\nverb undo",
    "%n%s%n",
    "\x1b]0;x\x07",
    "*",
    "~root",
    ">CANARY",
    "<(touch CANARY)",
    "!touch CANARY",
};

static char *injection(const struct connector_case *c, size_t i, const char *before)
{
    struct rv_buf out = {0};
    rv_buf_add_text(&out, before);
    for (const char *at = injections[i]; *at != '\0';) {
        const char *mark = strstr(at, "CANARY");
        rv_buf_add(&out, at, mark == NULL ? strlen(at) : (size_t)(mark - at));
        if (mark == NULL)
            break;
        rv_buf_printf(&out, "%s/canary", c->lab->root);
        at = mark + 6;
    }
    return rv_buf_take(&out);
}

static void no_field_is_run(void **state)
{
    struct connector_case *c = *state;
    struct rv_lab_pair pair;
    make_pair(c, &(struct rv_lab_wish){0}, &pair);
    must(c, do_key(c));
    struct rv_hash spki = c->result.spki;
    size_t step = strcmp(c->transport, "local") == 0 ? 1 : 3; /* the slower way to the same program */
    for (size_t i = 0; i < RV_COUNT(injections); i += step) {
        RV_AUTO(char) char *bare = injection(c, i, "");
        RV_AUTO(char) char *path = injection(c, i, "/");
        const char *names[] = {bare};
        const struct rv_deploy deploy = c->deploy;
        const struct rv_target_spec target = c->target;
        const struct rv_certificate_spec certificate = c->certificate;
        for (int field = 0; field < 12; field++) {
            for (int form = 0; form < 2; form++) {
                const char *text = form == 0 ? bare : path;
                const char **fields[] = {&c->deploy.certificate,
                                         &c->target.directory,
                                         &c->target.server.kind,
                                         &c->target.server.binary,
                                         &c->target.server.config_file,
                                         &c->target.server.prefix,
                                         &c->target.server.certificate_file,
                                         &c->target.server.private_key_file,
                                         &c->target.sudo,
                                         &c->certificate.common_name,
                                         &names[0],
                                         &c->deploy.target};
                *fields[field] = text;
                c->certificate.uris = (struct rv_texts){field == 10 ? 1 : 0, names};
                if (field == 9 || field == 10)
                    (void)do_key(c);
                else
                    (void)do_observe(c);
                assert_false(path_exists(c, "canary"));
                c->deploy = deploy;
                c->target = target;
                c->certificate = certificate;
            }
        }
        struct rv_lab_pair evil = pair;
        evil.chain_pem = bare; /* what is no certificate at all would not leave the controller */
        evil.fingerprint.b[0] ^= (uint8_t)(i + 1);
        assert_int_not_equal(do_stage(c, &evil, &spki), RV_OK);
        assert_false(path_exists(c, "canary"));
    }
    rv_lab_pair_fini(&pair);
}

/* ---- a switch under load */

struct load {
    const struct rv_lab *lab;
    atomic_bool stop;
    atomic_int made, failed;
};

static void *load_run(void *arg)
{
    struct load *load = arg;
    while (!load->stop) {
        struct rv_hash h;
        if (!rv_lab_served(load->lab, &h))
            load->failed++;
        load->made++;
    }
    return NULL;
}

static void switching_under_load_fails_no_handshake(void **state)
{
    struct connector_case *c = *state;
    struct load load = {.lab = c->lab};
    struct rv_lab_pair pairs[2];
    for (size_t i = 0; i < 2; i++)
        make_pair(c, &(struct rv_lab_wish){0}, &pairs[i]);
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, load_run, &load), 0);
    for (size_t i = 0; i < 4; i++) {
        must(c, do_switch(c, &pairs[i % 2].fingerprint, RV_SEC(60)));
        assert_served(c, &pairs[i % 2].fingerprint);
        must(c, i == 2 ? do_undo(c, &pairs[i % 2].fingerprint) : do_keep(c, &pairs[i % 2].fingerprint));
    }
    load.stop = true;
    for (size_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    print_message("%d handshakes made, %d failed\n", load.made, load.failed);
    assert_true(load.made > 10);
    assert_int_equal(load.failed, 0);
    for (size_t i = 0; i < 2; i++)
        rv_lab_pair_fini(&pairs[i]);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, case_setup, case_teardown)
const struct CMUnitTest connector_faults[] = {
    CASE(a_mismatched_pair_is_not_staged),
    CASE(other_names_stay_off_the_target),
    CASE(the_targets_clock_decides),
    CASE(only_clean_pem_and_the_right_chain_are_staged),
    CASE(a_held_lock_is_respected),
    CASE(a_foreign_fault_is_told_and_nothing_is_flipped),
    CASE(a_pair_that_the_server_refuses_is_put_back),
    CASE(a_reload_that_fails_or_hangs_is_put_back),
    CASE(a_server_that_goes_on_is_seen_by_a_handshake),
    CASE(a_missing_program_is_named),
    CASE(a_foreign_pair_that_does_not_fit_is_not_adopted),
    cmocka_unit_test_setup_teardown(a_full_disk_changes_nothing, case_setup, unmount_teardown),
    CASE(no_field_is_run),
    CASE(switching_under_load_fails_no_handshake),
};
const size_t connector_faults_count = RV_COUNT(connector_faults);

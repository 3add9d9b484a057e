/* ca/authority: what is issued, what is refused, and that nothing refused leaves a trace but in the audit. Real store in
 * memory, real loop and lanes, the signer's service in the same process. */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bad_requests.h"
#include "ca/authority.h"
#include "ca/self.h"
#include "pki/certificate.h"
#include "pki/csr.h"
#include "pki/digest.h"
#include "pki/key.h"
#include "pki/pem.h"
#include "port/files.h"
#include "port/store_audit.h"
#include "port/store_certificate.h"
#include "port/store_object.h"
#include "rt/loop.h"
#include "rt/work.h"
#include "support/signer_inside.h"

static struct rv_loop *loop;
static struct rv_loop view; /* the same loop with a clock of ours */
static struct rv_work *work;
static struct rv_store *store;
static struct signer_inside *signer;
static struct rv_authority *authority;
static struct rv_arena *arena;
static char folder[200];
static rv_dur wall_shift;

static rv_time read_wall(void *ctx)
{
    (void)ctx;
    return rv_now(&rv_clock_system) + wall_shift;
}

static int64_t read_mono(void *ctx)
{
    (void)ctx;
    return rv_mono(&rv_clock_system);
}
static const struct rv_clock test_clock = {read_wall, read_mono, NULL};

/* ---- the world ---- */

static void start_authority(void)
{
    struct rv_error err;
    struct rv_authority_options options = {
        .store = store, .work = work, .loop = &view, .signer = signer_inside_port(signer)};
    if (rv_authority_create(&options, &authority, &err) != RV_OK)
        fail_msg("%s: %s", err.where, err.message);
}

static void on_stopped(void *arg)
{
    (void)arg;
    rv_loop_stop(loop);
}

static void stop_authority(void)
{
    rv_authority_stop(authority, on_stopped, NULL);
    rv_loop_run(loop);
    rv_authority_destroy(authority);
    authority = NULL;
}

static int setup(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/reeve-ca-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(folder));
    wall_shift = 0;
    arena = rv_arena_create();
    loop = rv_loop_create();
    view = *loop;
    view.clock = &test_clock;
    work = rv_work_create(loop, NULL);
    struct rv_error err;
    struct rv_store_options options = {
        .path = ":memory:", .loop = loop, .work = work, .digest = rv_sha256, .clock = &test_clock};
    if (rv_store_open(&options, &store, &err) != RV_OK)
        fail_msg("%s", err.message);
    signer = signer_inside_create(folder, &test_clock);
    start_authority();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stop_authority();
    rv_work_destroy(work);
    rv_store_close(store);
    rv_loop_destroy(loop);
    signer_inside_destroy(signer);
    rv_arena_destroy(arena);
    pid_t pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", folder, NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
    return 0;
}

/* ---- asking ---- */

struct outcome {
    enum rv_status status;
    struct rv_error err;
    char serial[48];
    struct rv_hash fingerprint;
    struct rv_bytes certificate;
    const char *chain_pem;
};

static void on_done(void *arg, enum rv_status status, const struct rv_issue_result *result, const struct rv_error *err)
{
    struct outcome *o = arg;
    o->status = status;
    if (status == RV_OK) {
        memcpy(o->serial, result->serial, sizeof o->serial);
        o->fingerprint = result->fingerprint;
        o->certificate =
            RV_BYTES(rv_arena_memdup(arena, result->certificate.ptr, result->certificate.len), result->certificate.len);
        o->chain_pem = rv_arena_strdup(arena, result->chain_pem);
    } else {
        o->err = *err;
    }
    rv_loop_stop(loop);
}

static struct outcome ask(const struct rv_issue_request *request)
{
    struct outcome o = {.status = RV_INTERNAL};
    struct rv_issuer issuer = rv_authority_issuer(authority);
    issuer.ops->issue(issuer.ctx, request, on_done, &o);
    rv_loop_run(loop);
    return o;
}

static struct outcome find(const char *key)
{
    struct outcome o = {.status = RV_INTERNAL};
    struct rv_issuer issuer = rv_authority_issuer(authority);
    issuer.ops->find(issuer.ctx, "internal", key, on_done, &o);
    rv_loop_run(loop);
    return o;
}

static struct rv_bytes csr_for(const char *name, const char *common_name)
{
    static const struct rv_key_spec p256 = {.algorithm = RV_KEY_ECDSA, .size = 256};
    struct rv_key *key = NULL;
    struct rv_cert_name item = {RV_NAME_DNS, name};
    struct rv_cert_names names;
    struct rv_buf der = {0};
    assert_int_equal(rv_key_generate(&p256, &key, NULL), RV_OK);
    assert_int_equal(rv_cert_names_make(&item, 1, arena, &names, NULL), RV_OK);
    assert_int_equal(rv_csr_create(key, common_name, &names, &der, NULL), RV_OK);
    struct rv_bytes csr = RV_BYTES(rv_arena_memdup(arena, der.data, der.len), der.len);
    rv_buf_fini(&der);
    rv_key_destroy(key);
    return csr;
}

static struct rv_issue_request request_for(const char *key, struct rv_bytes csr)
{
    return (struct rv_issue_request){
        .idempotency_key = key, .issuer = "internal", .profile = "tls-server", .csr = csr, .actor = "user:anna"};
}

struct count {
    const char *action;
    int found, rows;
};

static bool count_audit(void *arg, const struct rv_audit_row *row)
{
    struct count *c = arg;
    c->found += strcmp(row->action, c->action) == 0;
    return true;
}

static bool count_row(void *arg, const struct rv_cert_row *row)
{
    (void)row;
    ((struct count *)arg)->rows++;
    return true;
}

static enum rv_status count_tx(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    enum rv_status status = rv_audit_each(tx, 0, 0, count_audit, arg, err);
    return status == RV_OK ? rv_cert_each(tx, NULL, 0, 0, count_row, arg, err) : status;
}

static struct count counted(const char *action)
{
    struct count c = {.action = action};
    assert_int_equal(rv_store_read_now(store, count_tx, &c, NULL), RV_OK);
    return c;
}

/* Refused, said why, recorded, and no serial used for it. */
static void expect_refusal(const struct rv_issue_request *request, enum rv_status status, const char *word)
{
    int before = counted("certificate.reserved").rows, journalled = signer_inside_journalled(signer);
    struct outcome o = ask(request);
    if (o.status != status || (word != NULL && strstr(o.err.message, word) == NULL && strcmp(o.err.where, word) != 0))
        fail_msg("%s: %s: %s", rv_status_info(o.status)->name, o.err.where, o.err.message);
    assert_int_equal(counted("certificate.reserved").rows, before);
    assert_int_equal(signer_inside_journalled(signer), journalled);
}

/* ---- tests ---- */

static void a_certificate_is_issued(void **state)
{
    (void)state;
    struct rv_certificate_spec wanted = {.dns_names = {1, (const char *[]){"shop.example.com"}},
                                         .common_name = "shop.example.com",
                                         .profile = "tls-server",
                                         .issuer = "internal"};
    struct rv_issue_request request = request_for("one", csr_for("shop.example.com", NULL));
    request.wanted = &wanted;
    request.duration = RV_DAY(10);
    struct outcome o = ask(&request);
    if (o.status != RV_OK)
        fail_msg("%s: %s", o.err.where, o.err.message);
    struct rv_cert_info info;
    assert_int_equal(rv_cert_read(o.certificate, arena, &info, NULL), RV_OK);
    assert_null(info.malformed);
    assert_string_equal(info.common_name, "shop.example.com");
    assert_int_equal(info.not_after - info.not_before + 1000, RV_DAY(10));
    assert_true(info.server_auth && !info.ca && info.not_before <= rv_now(&test_clock));
    assert_string_equal(o.chain_pem, rv_authority_chain_pem(authority));
    /* Asked again, or looked for: the same one, also by another life of the service. */
    struct outcome again = ask(&request), found = find("one");
    assert_string_equal(again.serial, o.serial);
    assert_true(rv_hash_equal(&found.fingerprint, &o.fingerprint));
    stop_authority();
    start_authority();
    found = find("one");
    assert_int_equal(found.status, RV_OK);
    assert_true(rv_bytes_equal(found.certificate, o.certificate));
    assert_int_equal(find("two").status, RV_NOT_FOUND);
    assert_int_equal(counted("certificate.issued").found, 1);
    assert_int_equal(counted("certificate.reserved").found, 1);
    assert_int_equal(counted("ca.created").found, 1);
}

static void a_key_serves_one_wish(void **state)
{
    (void)state;
    struct rv_issue_request first = request_for("one", csr_for("a.example.com", NULL)),
                            second = request_for("one", csr_for("b.example.com", NULL));
    assert_int_equal(ask(&first).status, RV_OK);
    expect_refusal(&second, RV_CONFLICT, "idempotency key");
    struct rv_issue_request none = request_for("", first.csr);
    expect_refusal(&none, RV_INVALID, "idempotency key");
}

static void bad_requests_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *hex;
    } bad[] = {
        {"wants to be a CA", request_ca},       {"carries a foreign extension", request_foreign},
        {"wants code signing", request_code},   {"has no names", request_nonames},
        {"has a 1024-bit key", request_weak},   {"is on a curve of Bitcoin", request_curve},
        {"is signed with SHA-1", request_sha1},
    };
    for (size_t i = 0; i < RV_COUNT(bad); i++) {
        size_t n = strlen(bad[i].hex) / 2;
        uint8_t *der = rv_arena_alloc(arena, n);
        char key[32];
        snprintf(key, sizeof key, "bad-%zu", i);
        assert_true(rv_unhex(der, n, bad[i].hex, 2 * n));
        struct rv_issue_request request = request_for(key, RV_BYTES(der, n));
        int before = counted("certificate.reserved").rows;
        struct outcome o = ask(&request);
        print_message("a request that %s: %s: %s: %s\n", bad[i].name, rv_status_info(o.status)->name, o.err.where,
                      o.err.message);
        assert_true(o.status == RV_DENIED || o.status == RV_INVALID);
        assert_int_equal(counted("certificate.reserved").rows, before);
    }
    assert_true(counted("certificate.refused").found >= 3);
    assert_int_equal(signer_inside_journalled(signer), 2);
}

static void a_forged_request_is_refused(void **state)
{
    (void)state;
    struct rv_bytes csr = csr_for("shop.example.com", NULL);
    uint8_t *forged = rv_arena_memdup(arena, csr.ptr, csr.len);
    uint8_t *name = memmem(forged, csr.len, "shop", 4);
    memcpy(name, "evil", 4);
    struct rv_issue_request request = request_for("forged", RV_BYTES(forged, csr.len));
    expect_refusal(&request, RV_DENIED, NULL);
    struct rv_issue_request garbage = request_for("garbage", rv_bytes_of("not a request"));
    expect_refusal(&garbage, RV_INVALID, NULL);
}

static void names_must_be_those_declared(void **state)
{
    (void)state;
    struct rv_certificate_spec wanted = {.dns_names = {1, (const char *[]){"shop.example.com"}}};
    struct rv_issue_request other = request_for("other", csr_for("admin.example.com", NULL));
    other.wanted = &wanted;
    expect_refusal(&other, RV_DENIED, "subjectAltName");
    struct rv_issue_request common = request_for("common", csr_for("shop.example.com", "admin.example.com"));
    common.wanted = &wanted;
    expect_refusal(&common, RV_DENIED, NULL);
}

static enum rv_status put_profile(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    int64_t generation;
    return rv_object_put(tx, RV_KIND_PROFILE, "narrow", arg, rv_now(&test_clock), &generation, err);
}

static void declare_narrow(const char *base)
{
    char document[512];
    snprintf(document, sizeof document,
             "{\"apiVersion\":\"reeve/v1\",\"kind\":\"Profile\",\"metadata\":{\"name\":\"narrow\"},\"spec\":{\"duration\":"
             "\"5d\",\"maxDuration\":\"10d\",\"names\":{\"permittedDns\":[\"%s\"]}}}",
             base);
    struct rv_error err;
    if (rv_store_write_now(store, put_profile, document, &err) != RV_OK)
        fail_msg("%s", err.message);
}

/* Nearly every tool puts a common name into its requests; the names are what counts. */
static void a_common_name_that_the_profile_lacks_is_left_out(void **state)
{
    (void)state;
    struct rv_issue_request request = request_for("narrow", csr_for("shop.example.com", "shop.example.com"));
    static const char narrow[] = "{\"apiVersion\":\"reeve/v1\",\"kind\":\"Profile\",\"metadata\":{\"name\":\"narrow\"},"
                                 "\"spec\":{\"duration\":\"10d\",\"allowCommonName\":false}}";
    assert_int_equal(rv_store_write_now(store, put_profile, (void *)(uintptr_t)narrow, NULL), RV_OK);
    request.profile = "narrow";
    struct outcome o = ask(&request);
    if (o.status != RV_OK)
        fail_msg("%s: %s", o.err.where, o.err.message);
    struct rv_cert_info info;
    assert_int_equal(rv_cert_read(o.certificate, arena, &info, NULL), RV_OK);
    assert_null(info.common_name);
    assert_true(rv_cert_names_have(&info.names, RV_NAME_DNS, "shop.example.com"));
}

static void a_profile_forbids_names_and_lifetimes(void **state)
{
    (void)state;
    declare_narrow("example.com");
    struct rv_issue_request good = request_for("good", csr_for("shop.example.com", NULL)),
                            foreign = request_for("foreign", csr_for("shop.example.org", NULL)), longer = good,
                            unknown = request_for("unknown", good.csr);
    good.profile = foreign.profile = longer.profile = "narrow";
    longer.idempotency_key = "longer";
    longer.duration = RV_DAY(11);
    unknown.profile = "nothing";
    struct outcome o = ask(&good);
    if (o.status != RV_OK)
        fail_msg("%s: %s", o.err.where, o.err.message);
    expect_refusal(&foreign, RV_DENIED, "shop.example.org");
    expect_refusal(&longer, RV_DENIED, NULL);
    expect_refusal(&unknown, RV_NOT_FOUND, "nothing");
    /* A changed declaration counts from the next request on. */
    declare_narrow("example.org");
    struct outcome now = ask(&foreign);
    assert_int_equal(now.status, RV_OK);
}

static void a_missing_signer_leaves_intents_that_are_finished_later(void **state)
{
    (void)state;
    struct rv_issue_request request = request_for("one", csr_for("shop.example.com", NULL));
    signer_inside_away(signer, true);
    struct outcome o = ask(&request);
    assert_int_equal(o.status, RV_UNAVAILABLE);
    assert_int_equal(counted("certificate.reserved").found, 1);
    assert_int_equal(find("one").status, RV_UNAVAILABLE);
    signer_inside_away(signer, false);
    o = find("one");
    assert_int_equal(o.status, RV_OK);
    assert_int_equal(counted("certificate.reserved").found, 1);
    assert_int_equal(counted("certificate.issued").found, 1);
    assert_string_equal(ask(&request).serial, o.serial);
}

/* Too old to be signed anew and never journalled: abandoned, and the key is spent. */
static void a_stale_intent_is_abandoned(void **state)
{
    (void)state;
    struct rv_issue_request request = request_for("one", csr_for("shop.example.com", NULL));
    signer_inside_away(signer, true);
    assert_int_equal(ask(&request).status, RV_UNAVAILABLE);
    stop_authority();
    wall_shift = RV_DAY(3);
    signer_inside_away(signer, false);
    start_authority();
    struct rv_authority_stats stats;
    do {
        assert_true(find("one").status != RV_OK);
        rv_authority_stats(authority, &stats);
    } while (stats.abandoned == 0);
    assert_int_equal(find("one").status, RV_NOT_FOUND);
    assert_int_equal(ask(&request).status, RV_DENIED);
    assert_int_equal(counted("certificate.abandoned").found, 1);
    assert_int_equal(counted("certificate.issued").found, 0);
}

static void on_accepted(void *arg, enum rv_status status, const struct rv_error *err)
{
    (void)err;
    *(enum rv_status *)arg = status;
    rv_loop_stop(loop);
}

static void a_stepping_clock_pauses_issuing(void **state)
{
    (void)state;
    static const rv_dur steps[] = {-RV_MIN(1), RV_HOUR(2)};
    for (size_t i = 0; i < RV_COUNT(steps); i++) {
        char key[16], after[16];
        snprintf(key, sizeof key, "step-%zu", i);
        snprintf(after, sizeof after, "after-%zu", i);
        struct rv_issue_request request = request_for(key, csr_for("shop.example.com", NULL));
        assert_int_equal(ask(&request).status, RV_OK);
        wall_shift += steps[i];
        struct rv_issue_request later = request_for(after, csr_for("late.example.com", NULL));
        expect_refusal(&later, RV_UNAVAILABLE, "clock");
        /* What is there can still be asked for. */
        struct rv_error err;
        assert_int_equal(rv_authority_clock_check(authority, &err), RV_UNAVAILABLE);
        enum rv_status accepted = RV_INTERNAL;
        rv_authority_clock_accept(authority, "user:anna", on_accepted, &accepted);
        rv_loop_run(loop);
        assert_int_equal(accepted, RV_OK);
        assert_int_equal(rv_authority_clock_check(authority, &err), RV_OK);
        struct outcome o = ask(&later);
        if (o.status != RV_OK)
            fail_msg("%s: %s", o.err.where, o.err.message);
    }
    assert_int_equal(counted("clock.jumped").found, 2);
    assert_int_equal(counted("clock.accepted").found, 2);
    /* The mark survives a restart. */
    stop_authority();
    wall_shift -= RV_DAY(1);
    start_authority();
    struct rv_issue_request request = request_for("restarted", csr_for("shop.example.com", NULL));
    expect_refusal(&request, RV_UNAVAILABLE, "clock");
}

static void on_self(void *arg, enum rv_status status, const struct rv_self_result *result, const struct rv_error *err)
{
    struct rv_key *key = NULL;
    if (status != RV_OK)
        fail_msg("%s: %s", err->where, err->message);
    assert_int_equal(rv_key_from_pem(rv_secret_bytes(result->key_pem), NULL, &key, NULL), RV_OK);
    struct rv_buf all = {0};
    int count;
    assert_int_equal(rv_pem_all(rv_bytes_of(result->fullchain_pem), RV_PEM_CERTIFICATE, &all, &count, NULL), RV_OK);
    assert_int_equal(count, 2);
    struct rv_cert_info info;
    struct rv_bytes rest = rv_buf_bytes(&all), leaf;
    assert_true(rv_chain_next(&rest, &leaf));
    assert_int_equal(rv_cert_read(leaf, arena, &info, NULL), RV_OK);
    assert_true(rv_hash_equal(&info.spki_hash, rv_key_spki_hash(key)));
    assert_true(rv_cert_names_have(&info.names, RV_NAME_IP, "127.0.0.1"));
    assert_true(rv_cert_names_have(&info.names, RV_NAME_DNS, "localhost"));
    rv_buf_fini(&all);
    rv_key_destroy(key);
    rv_secret_destroy(result->key_pem);
    *(bool *)arg = true;
    rv_loop_stop(loop);
}

static void the_service_gets_a_certificate_of_its_own(void **state)
{
    (void)state;
    bool done = false;
    const char *dns[] = {"localhost"}, *ips[] = {"127.0.0.1", "::1"};
    struct rv_self_request request = {.dns_names = dns, .dns_count = 1, .ip_addresses = ips, .ip_count = 2};
    rv_self_issue(authority, work, &request, on_self, &done);
    rv_loop_run(loop);
    assert_true(done);
}

static void another_ca_in_the_signer_is_noticed(void **state)
{
    (void)state;
    stop_authority();
    char other[256];
    snprintf(other, sizeof other, "%s/other", folder);
    struct signer_inside *second = signer_inside_create(other, &test_clock);
    struct rv_authority_options options = {
        .store = store, .work = work, .loop = &view, .signer = signer_inside_port(second)};
    struct rv_error err;
    assert_int_equal(rv_authority_create(&options, &authority, &err), RV_CONFLICT);
    assert_non_null(strstr(err.hint, "backup"));
    signer_inside_destroy(second);
    start_authority();
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_certificate_is_issued),
        T(a_key_serves_one_wish),
        T(bad_requests_are_refused),
        T(a_forged_request_is_refused),
        T(a_common_name_that_the_profile_lacks_is_left_out),
        T(names_must_be_those_declared),
        T(a_profile_forbids_names_and_lifetimes),
        T(a_missing_signer_leaves_intents_that_are_finished_later),
        T(a_stale_intent_is_abandoned),
        T(a_stepping_clock_pauses_issuing),
        T(the_service_gets_a_certificate_of_its_own),
        T(another_ca_in_the_signer_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

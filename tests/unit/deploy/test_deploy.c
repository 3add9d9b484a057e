/* deploy: the grammar of what is sent, the reading of what comes back, names as DER, and the program itself. */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "deploy/deploy_priv.h"
#include "port/process.h"

static struct rv_target_spec good_target(void)
{
    return (struct rv_target_spec){
        .connector = "local",
        .server = {"nginx", "nginx", "/etc/nginx/nginx.conf", NULL, "/etc/nginx/tls/{certificate}.crt",
                   "/etc/nginx/tls/{certificate}.key"},
        .directory = "/etc/reeve",
    };
}

static struct rv_certificate_spec good_certificate(void)
{
    static const char *names[] = {"shop.example.com"};
    return (struct rv_certificate_spec){.dns_names = {1, names}, .key = {.algorithm = RV_KEY_ECDSA, .size = 256}};
}

static void input_is_lines(void **state)
{
    (void)state;
    struct rv_target_spec target = good_target();
    struct rv_certificate_spec certificate = good_certificate();
    struct rv_deploy d = {"shop", "edge-1", &certificate, &target, 0};
    struct rv_hash h = {.b = {0xab}};
    struct rv_deploy_step step = {.verb = RV_DEPLOY_KEY, .patience = RV_SEC(5)};
    RV_AUTO(rv_buf) struct rv_buf out = {0};
    struct rv_error err;
    assert_int_equal(rv_deploy_input(&d, &step, &out, &err), RV_OK);
    assert_string_equal(rv_buf_text(&out), "verb key\ncertificate shop\npatience 5\ndirectory /etc/reeve\nkind nginx\n"
                                           "binary nginx\nconfig /etc/nginx/nginx.conf\n"
                                           "certificate_file /etc/nginx/tls/shop.crt\nkey_file /etc/nginx/tls/shop.key\n"
                                           "algorithm ECDSA\nsize 256\nrotation Always\n"
                                           "san 3012821073686f702e6578616d706c652e636f6d\nend\n");
    rv_buf_clear(&out);
    step = (struct rv_deploy_step){.verb = RV_DEPLOY_SWITCH, .fingerprint = &h, .armed = 1500, .patience = 1};
    assert_int_equal(rv_deploy_input(&d, &step, &out, &err), RV_OK);
    assert_non_null(strstr(rv_buf_text(&out), "\narmed 2\nend\n")); /* rounded up: never a shorter way back */
    assert_non_null(strstr(rv_buf_text(&out), "\nfingerprint ab00"));
    assert_null(strstr(rv_buf_text(&out), "algorithm"));
}

static void fields_have_a_grammar(void **state)
{
    (void)state;
    static const struct {
        size_t field;
        const char *value, *where;
    } bad[] = {
        {0, "etc/reeve", "spec.directory"},
        {0, "/", "spec.directory"},
        {0, "/etc/../x", "spec.directory"},
        {0, "/etc//x", "spec.directory"},
        {0, "/etc/./x", "spec.directory"},
        {0, "/etc/x\ny", "spec.directory"},
        {0, "/etc/$(id)", "spec.directory"},
        {0, "/etc/'x", "spec.directory"},
        {1, "apache", "spec.server.kind"},
        {2, "-x", "spec.server.binary"},
        {2, "bin/nginx", "spec.server.binary"},
        {2, "nginx -t", "spec.server.binary"},
        {2, "", "spec.server.binary"},
        {3, "nginx.conf", "spec.server.configFile"},
        {4, "/a;b", "spec.server.prefix"},
        {5, NULL, "spec.server.certificateFile"},
        {5, "/x/{certificate", "spec.server.certificateFile"},
        {5, "/etc/reeve/shop/current/fullchain.pem", "spec.server.certificateFile"},
        {6, "/etc/nginx/tls/{certificate}.crt", "spec.server.privateKeyFile"},
        {7, "sudo -u root", "spec.sudo"},
    };
    struct rv_certificate_spec certificate = good_certificate();
    struct rv_deploy_step step = {.verb = RV_DEPLOY_OBSERVE, .patience = RV_SEC(5)};
    for (size_t i = 0; i < RV_COUNT(bad); i++) {
        struct rv_target_spec t = good_target();
        const char **fields[] = {&t.directory,
                                 &t.server.kind,
                                 &t.server.binary,
                                 &t.server.config_file,
                                 &t.server.prefix,
                                 &t.server.certificate_file,
                                 &t.server.private_key_file,
                                 &t.sudo};
        *fields[bad[i].field] = bad[i].value;
        struct rv_deploy d = {"shop", "edge-1", &certificate, &t, 0};
        RV_AUTO(rv_buf) struct rv_buf out = {0};
        struct rv_error err = {0};
        assert_int_equal(rv_deploy_input(&d, &step, &out, &err), RV_INVALID);
        assert_string_equal(err.where, bad[i].where);
        assert_int_equal(out.len, 0);
    }
    struct rv_target_spec t = good_target();
    static const char *const names[] = {"", "..", "a/b", "a b", "$(id)", "Shop", "a\nb"};
    for (size_t i = 0; i < RV_COUNT(names); i++) {
        struct rv_deploy d = {names[i], "edge-1", &certificate, &t, 0};
        RV_AUTO(rv_buf) struct rv_buf out = {0};
        assert_int_equal(rv_deploy_input(&d, &step, &out, NULL), RV_INVALID);
    }
}

static void names_become_der(void **state)
{
    (void)state;
    static const char *dns[] = {"a.example"}, *ip[] = {"192.0.2.1", "2001:db8::1"}, *uri[] = {"urn:x"}, *mail[] = {"a@b.c"};
    struct rv_certificate_spec spec = {
        .dns_names = {1, dns}, .ip_addresses = {2, ip}, .uris = {1, uri}, .email_addresses = {1, mail}};
    RV_AUTO(rv_buf) struct rv_buf out = {0}, hex = {0};
    struct rv_error err;
    assert_int_equal(rv_deploy_names(&spec, &out, &err), RV_OK);
    rv_buf_add_hex(&hex, rv_buf_bytes(&out));
    assert_string_equal(rv_buf_text(&hex), "3031"
                                           "8209612e6578616d706c65"
                                           "8704c0000201"
                                           "871020010db8000000000000000000000001"
                                           "860575726e3a78"
                                           "81056140622e63");
    static const char *bad[] = {"", "a b", "a\nb", "\xc3\xa9.example"};
    for (size_t i = 0; i < RV_COUNT(bad); i++) {
        struct rv_certificate_spec wrong = {.dns_names = {1, &bad[i]}};
        assert_int_equal(rv_deploy_names(&wrong, &out, &err), RV_INVALID);
    }
    const char *many[101];
    for (size_t i = 0; i < RV_COUNT(many); i++)
        many[i] = "a.example";
    spec = (struct rv_certificate_spec){.dns_names = {100, many}};
    rv_buf_clear(&out);
    assert_int_equal(rv_deploy_names(&spec, &out, &err), RV_OK);
    assert_int_equal(out.len, 4 + 1100); /* a length of two octets */
    assert_memory_equal(out.data, "\x30\x82\x04\x4c", 4);
    spec.dns_names.count = 101;
    assert_int_equal(rv_deploy_names(&spec, &out, &err), RV_INVALID);
}

#define H1 "1111111111111111111111111111111111111111111111111111111111111111"
#define H2 "2222222222222222222222222222222222222222222222222222222222222222"

static enum rv_status read_answer(enum rv_deploy_verb verb, const char *text, int exit_code, struct rv_buf *csr,
                                  struct rv_connector_result *result, struct rv_error *err)
{
    struct rv_transport_result got = {.exit_code = exit_code};
    rv_buf_add_text(&got.out, text);
    enum rv_status status = rv_deploy_answer(verb, &got, csr, result, err);
    rv_buf_fini(&got.out);
    return status;
}

static void an_observation_is_read(void **state)
{
    (void)state;
    struct rv_connector_result r;
    struct rv_error err;
    RV_AUTO(rv_buf) struct rv_buf csr = {0};
    assert_int_equal(read_answer(RV_DEPLOY_OBSERVE,
                                 "Welcome to edge-1!\nend\nreeve-target 1\nclock 1700000000\nfree 4096\n"
                                 "server nginx/1.22.1\narmed " H1 " 1700000060\ncurrent " H1 "\nprevious " H2 "\npair " H1
                                 "\npair " H2 "\nkey " H2 "\nlocked\nsay hello \x1b[31m\nend\n",
                                 0, &csr, &r, &err),
                     RV_OK);
    assert_int_equal(r.report.target_clock, RV_SEC(1700000000));
    assert_int_equal(r.report.armed_until, RV_SEC(1700000060));
    assert_int_equal(r.report.free_bytes, 4096);
    assert_int_equal(r.report.pair_count, 2);
    assert_int_equal(r.report.key_count, 1);
    assert_int_equal(r.report.current.b[0], 0x11);
    assert_int_equal(r.report.previous.b[31], 0x22);
    assert_true(r.report.locked_by_other);
    assert_string_equal(r.report.server, "nginx/1.22.1");
    assert_string_equal(r.log, "hello \\x1b[31m\n");
}

static void what_is_no_answer_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "reeve-target 1\n",
        "reeve-target 1\nclock 5\n",
        "reeve-target 2\nclock 5\nend\n",
        "clock 5\nend\n",
        "reeve-target 1\nend\n", /* without the clock this is no observation */
        "reeve-target 1\nclock 5\nclock 5\nend\n",
        "reeve-target 1\nclock -5\nend\n",
        "reeve-target 1\nclock 99999999999999999999\nend\n",
        "reeve-target 1\nclock 253402300800\nend\n", /* the year 10000 */
        "reeve-target 1\nclock 5\narmed " H1 " 9223372036854775\nend\n",
        "reeve-target 1\nclock 5\ncurrent 11\nend\n",
        "reeve-target 1\nclock 5\ncurrent " H1 "1\nend\n",
        "reeve-target 1\nclock 5\narmed " H1 "\nend\n",
        "reeve-target 1\nclock 5\nwhatever\nend\n",
        "reeve-target 1\nclock 5\nlocked yes\nend\n",
        "reeve-target 1\nclock 5\nfailed \nend\n",
        "reeve-target 1\nclock 5\nfailed lock 99\nend\n",
        "reeve-target 1\nclock 5\nfailed LOCK 12\nend\n",
        "reeve-target 1\nclock 5\nfailed lock 12\nend\n", /* says failed, and exits with 0 */
    };
    for (size_t i = 0; i < RV_COUNT(bad); i++) {
        struct rv_connector_result r;
        struct rv_error err = {0};
        RV_AUTO(rv_buf) struct rv_buf csr = {0};
        assert_int_equal(read_answer(RV_DEPLOY_OBSERVE, bad[i], 0, &csr, &r, &err), RV_UNAVAILABLE);
        assert_string_equal(r.phase, "answer");
        assert_true(err.message[0] != '\0');
    }
    static const char *const keys[] = {"reeve-target 1\nspki " H1 "\nend\n", "reeve-target 1\ncsr AAAA\nend\n",
                                       "reeve-target 1\nspki " H1 "\ncsr AA A\nend\n"};
    for (size_t i = 0; i < RV_COUNT(keys); i++) {
        struct rv_connector_result r;
        RV_AUTO(rv_buf) struct rv_buf csr = {0};
        assert_int_equal(read_answer(RV_DEPLOY_KEY, keys[i], 0, &csr, &r, NULL), RV_UNCERTAIN); /* it may have happened */
        assert_int_equal(csr.len, 0);
    }
}

static void failures_keep_phase_and_kind(void **state)
{
    (void)state;
    static const struct {
        int code;
        enum rv_status status;
    } codes[] = {{10, RV_INVALID},  {11, RV_NOT_FOUND},   {12, RV_UNAVAILABLE}, {13, RV_DENIED},
                 {14, RV_LIMITED},  {15, RV_UNAVAILABLE}, {16, RV_INVALID},     {17, RV_UNAVAILABLE},
                 {18, RV_CONFLICT}, {19, RV_UNCERTAIN},   {20, RV_UNAVAILABLE}};
    for (size_t i = 0; i < RV_COUNT(codes); i++) {
        char text[160];
        struct rv_connector_result r;
        struct rv_error err = {0};
        RV_AUTO(rv_buf) struct rv_buf csr = {0};
        snprintf(text, sizeof text, "reeve-target 1\nfailed check-before %d\nerror it \x1b is so\nend\n", codes[i].code);
        assert_int_equal(read_answer(RV_DEPLOY_SWITCH, text, codes[i].code, &csr, &r, &err), codes[i].status);
        assert_string_equal(r.phase, "check-before");
        assert_string_equal(err.message, "it \\x1b is so");
        assert_true(err.hint[0] != '\0');
    }
}

/* The embedded program is the file without its comments, and each shell that a target may have can read it. */
static void the_program_is_whole(void **state)
{
    (void)state;
    static const char *const shells[][3] = {{"dash", NULL}, {"busybox", "sh", NULL}, {"bash", "--posix", NULL}};
    assert_int_equal(strlen(rv_deploy_script), rv_deploy_script_size);
    assert_non_null(strstr(rv_deploy_script, "\nmain\n"));
    for (size_t i = 0; i < RV_COUNT(shells); i++) {
        char size[24];
        snprintf(size, sizeof size, "%zu", rv_deploy_script_size);
        const char *argv[8] = {0};
        size_t n = 0;
        for (size_t k = 0; k < 3 && shells[i][k] != NULL; k++)
            argv[n++] = shells[i][k];
        const char *rest[] = {"-c", RV_DEPLOY_BOOTSTRAP, "reeve", size};
        for (size_t k = 0; k < RV_COUNT(rest); k++)
            argv[n++] = rest[k];
        RV_AUTO(rv_buf) struct rv_buf input = {0};
        rv_buf_add(&input, rv_deploy_script, rv_deploy_script_size);
        rv_buf_add_text(&input, "verb observe\ndirectory /nonexistent/reeve\ncertificate shop\nkind nginx\nbinary true\n"
                                "certificate_file /nonexistent/a\nkey_file /nonexistent/b\nend\n");
        struct rv_process_spec spec = {
            .argv = argv, .input = rv_buf_bytes(&input), .output_limit = 1 << 16, .timeout = RV_SEC(30)};
        struct rv_process_result result = {.exit_code = -1};
        struct rv_error err;
        if (rv_process_system.ops->run(rv_process_system.ctx, &spec, &result, &err) != RV_OK || result.exit_code == 127) {
            print_message("skipped: %s is not here\n", shells[i][0]);
            rv_process_result_fini(&result);
            continue;
        }
        assert_int_equal(result.exit_code, 0);
        assert_string_equal(rv_buf_text(&result.err), "");
        assert_ptr_equal(strstr(rv_buf_text(&result.out), "reeve-target 1\nclock "), rv_buf_text(&result.out));
        rv_process_result_fini(&result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(input_is_lines),
        cmocka_unit_test(fields_have_a_grammar),
        cmocka_unit_test(names_become_der),
        cmocka_unit_test(an_observation_is_read),
        cmocka_unit_test(what_is_no_answer_is_refused),
        cmocka_unit_test(failures_keep_phase_and_kind),
        cmocka_unit_test(the_program_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

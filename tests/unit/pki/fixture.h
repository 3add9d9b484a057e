/* A small PKI for the tests of this folder: keys, a profile, a root, an issuing CA and leaves. */
#pragma once
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "pki/certificate.h"
#include "pki/csr.h"
#include "pki/key.h"
#include "pki/lint.h"
#include "pki/pem.h"
#include "pki/profile.h"

#define NOW INT64_C(1795442400000) /* 2026-11-23T14:00:00Z */
static rv_time fixture_now = NOW;  /* a test that asks other programs puts the real time here */
#define OK(call)                                                                                                            \
    do {                                                                                                                    \
        struct rv_error *e_ = &fixture_err;                                                                                 \
        *e_ = (struct rv_error){0};                                                                                         \
        if ((call) != RV_OK)                                                                                                \
            fail_msg("%s: %s: %s", #call, e_->where, e_->message);                                                          \
    } while (0)
static struct rv_error fixture_err; /* pass &fixture_err inside OK() */

static inline struct rv_key *fixture_key(enum rv_key_algorithm algorithm, int size)
{
    struct rv_key *key = NULL;
    OK(rv_key_generate(&(struct rv_key_spec){.algorithm = algorithm, .size = size}, &key, &fixture_err));
    return key;
}

static inline struct rv_profile_spec fixture_spec(void)
{
    return (struct rv_profile_spec){
        .duration = RV_DAY(30),
        .max_duration = RV_DAY(90),
        .backdate = RV_MIN(5),
        .keys = {.ecdsa_p256 = true, .ecdsa_p384 = true, .ed25519 = true, .rsa_min = 2048, .rsa_max = 4096},
        .names = {.dns = true, .ip = true, .uri = true, .email = true, .wildcards = true, .max_names = 100},
        .common_name = true,
        .server_auth = true};
}

static inline struct rv_profile *fixture_profile(const struct rv_profile_spec *spec)
{
    struct rv_profile *profile = NULL;
    OK(rv_profile_compile("tls-server", spec, &profile, &fixture_err));
    return profile;
}

struct fixture_ca {
    struct rv_key *root_key, *key;
    struct rv_ca *root, *ca;
};

static inline void fixture_sign(const struct rv_key *key, struct rv_bytes tbs, struct rv_buf *cert)
{
    struct rv_buf signature RV_AUTO(rv_buf) = {0};
    OK(rv_key_sign(key, tbs, &signature, &fixture_err));
    rv_cert_assemble(tbs, rv_key_signature_algorithm(key), rv_buf_bytes(&signature), cert);
}

static inline void fixture_ca_init(struct fixture_ca *f, enum rv_key_algorithm algorithm, int size)
{
    struct rv_buf tbs RV_AUTO(rv_buf) = {0}, cert RV_AUTO(rv_buf) = {0};
    f->root_key = fixture_key(algorithm, size);
    f->key = fixture_key(algorithm, size);
    struct rv_ca_wish wish = {.common_name = "Test Root",
                              .organization = "Reeve Tests",
                              .spki = rv_key_spki(f->root_key),
                              .not_before = fixture_now - RV_DAY(1),
                              .not_after = fixture_now + RV_DAY(3650),
                              .path_length = -1};
    rv_serial_make(wish.serial);
    OK(rv_tbs_root(&wish, rv_key_signature_algorithm(f->root_key), &tbs, &fixture_err));
    OK(rv_lint_tbs(rv_buf_bytes(&tbs), NULL, NULL, &fixture_err));
    fixture_sign(f->root_key, rv_buf_bytes(&tbs), &cert);
    OK(rv_ca_create(rv_buf_bytes(&cert), &f->root, &fixture_err));
    rv_buf_clear(&tbs);
    rv_buf_clear(&cert);
    wish.common_name = "Test Issuing";
    wish.spki = rv_key_spki(f->key);
    wish.path_length = 0;
    wish.not_after = fixture_now + RV_DAY(1000);
    wish.server_and_client = true;
    rv_serial_make(wish.serial);
    OK(rv_tbs_issuing(f->root, &wish, &tbs, &fixture_err));
    OK(rv_lint_tbs(rv_buf_bytes(&tbs), f->root, NULL, &fixture_err));
    fixture_sign(f->root_key, rv_buf_bytes(&tbs), &cert);
    OK(rv_ca_create(rv_buf_bytes(&cert), &f->ca, &fixture_err));
}

static inline void fixture_ca_fini(struct fixture_ca *f)
{
    rv_ca_destroy(f->root);
    rv_ca_destroy(f->ca);
    rv_key_destroy(f->root_key);
    rv_key_destroy(f->key);
}

static inline struct rv_cert_names fixture_names(struct rv_arena *arena, const struct rv_cert_name *items, size_t count)
{
    struct rv_cert_names names = {0};
    OK(rv_cert_names_make(items, count, arena, &names, &fixture_err));
    return names;
}

/* One certificate, all the way: request, checks, TBS, lint, signature. */
static inline void fixture_issue(const struct fixture_ca *f, const struct rv_profile *profile, const struct rv_key *key,
                                 const char *common_name, const struct rv_cert_names *names, rv_time now,
                                 struct rv_buf *cert)
{
    struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
    struct rv_buf der RV_AUTO(rv_buf) = {0}, tbs RV_AUTO(rv_buf) = {0};
    struct rv_csr csr;
    OK(rv_csr_create(key, common_name, names, &der, &fixture_err));
    OK(rv_csr_read(rv_buf_bytes(&der), arena, &csr, &fixture_err));
    struct rv_wish wish = rv_wish_of_csr(&csr);
    rv_profile_trim(profile, &wish);
    OK(rv_profile_check(profile, &csr, &wish, &fixture_err));
    struct rv_leaf leaf = {.names = wish.names, .common_name = wish.common_name, .spki = csr.key.der};
    rv_serial_make(leaf.serial);
    OK(rv_profile_times(profile, 0, now, rv_ca_not_after(f->ca), &leaf.not_before, &leaf.not_after, &fixture_err));
    OK(rv_tbs_build(profile, f->ca, &leaf, &tbs, &fixture_err));
    OK(rv_lint_tbs(rv_buf_bytes(&tbs), f->ca, NULL, &fixture_err));
    OK(rv_profile_check_tbs(profile, rv_buf_bytes(&tbs), now, &fixture_err));
    fixture_sign(f->key, rv_buf_bytes(&tbs), cert);
    OK(rv_cert_verify(rv_buf_bytes(cert), rv_ca_key(f->ca), &fixture_err));
}

static inline void fixture_file(const char *dir, const char *name, const char *label, struct rv_bytes der)
{
    char path[256];
    struct rv_buf pem RV_AUTO(rv_buf) = {0};
    rv_pem_add(&pem, label, der);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(pem.data, 1, pem.len, out), pem.len);
    assert_int_equal(fclose(out), 0);
}

/* Runs a program in dir, without a shell; what it prints is shown when it fails. */
static inline bool fixture_run(const char *dir, const char *const argv[])
{
    char log[256], text[2048];
    snprintf(log, sizeof log, "%s/log", dir);
    pid_t child = fork();
    if (child == 0) {
        if (chdir(dir) != 0 || freopen("log", "w", stdout) == NULL || dup2(1, 2) < 0 ||
            freopen("/dev/null", "r", stdin) == NULL)
            _exit(126);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    int status = -1;
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    FILE *in = good ? NULL : fopen(log, "r");
    if (in != NULL) {
        text[fread(text, 1, sizeof text - 1, in)] = 0;
        print_message("%s %s: %s\n", argv[0], argv[1], text);
        fclose(in);
    }
    unlink(log);
    return good;
}

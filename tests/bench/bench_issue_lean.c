/* The limit for issuing: CPU time of the bare loop, one thread, nothing durable and nothing checked twice. Read and verify
 * the request, check it against the profile, build the to-be-signed bytes, sign, assemble. Prints µs per certificate,
 * the fastest of several short rounds; with -v also what each step costs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pki/certificate.h"
#include "pki/csr.h"
#include "pki/keycheck.h"
#include "pki/lint.h"

#define REQUESTS 64
#define ROUNDS 7
#define PER_ROUND 4096
#define NOW INT64_C(1795442400000)

struct bench {
    struct rv_key *ca_key;
    struct rv_ca *ca;
    struct rv_profile *profile;
    struct rv_buf requests[REQUESTS];
};

static void must(enum rv_status status, const struct rv_error *err)
{
    if (status == RV_OK)
        return;
    fprintf(stderr, "bench_issue_lean: %s\n", err->message);
    exit(1);
}

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void setup(struct bench *b)
{
    struct rv_error err = {0};
    struct rv_key_spec p256 = {.algorithm = RV_KEY_ECDSA, .size = 256};
    struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
    struct rv_buf tbs RV_AUTO(rv_buf) = {0}, signature RV_AUTO(rv_buf) = {0}, cert RV_AUTO(rv_buf) = {0};
    must(rv_key_generate(&p256, &b->ca_key, &err), &err);
    struct rv_ca_wish wish = {.common_name = "Bench CA",
                              .spki = rv_key_spki(b->ca_key),
                              .not_before = NOW - RV_DAY(1),
                              .not_after = NOW + RV_DAY(3650),
                              .path_length = 0};
    rv_serial_make(wish.serial);
    must(rv_tbs_root(&wish, rv_key_signature_algorithm(b->ca_key), &tbs, &err), &err);
    must(rv_key_sign(b->ca_key, rv_buf_bytes(&tbs), &signature, &err), &err);
    rv_cert_assemble(rv_buf_bytes(&tbs), rv_key_signature_algorithm(b->ca_key), rv_buf_bytes(&signature), &cert);
    must(rv_ca_create(rv_buf_bytes(&cert), &b->ca, &err), &err);
    struct rv_profile_spec spec = {.duration = RV_DAY(90),
                                   .max_duration = RV_DAY(90),
                                   .backdate = RV_MIN(5),
                                   .keys = {.ecdsa_p256 = true},
                                   .names = {.dns = true, .max_names = 100},
                                   .server_auth = true};
    must(rv_profile_compile("tls-server", &spec, &b->profile, &err), &err);
    for (int i = 0; i < REQUESTS; i++) {
        struct rv_key *key = NULL;
        struct rv_cert_names names;
        struct rv_cert_name name = {RV_NAME_DNS, rv_arena_printf(arena, "host-%d.example.com", i)};
        must(rv_key_generate(&p256, &key, &err), &err);
        must(rv_cert_names_make(&name, 1, arena, &names, &err), &err);
        must(rv_csr_create(key, NULL, &names, &b->requests[i], &err), &err);
        rv_key_destroy(key);
    }
}

enum step { READ, CHECK, BUILD, SIGN, VERIFY, LINT, INVENTORY, STEPS };
static const char *const step_names[STEPS] = {"read and verify the request",
                                              "check the profile",
                                              "build the TBS",
                                              "sign and assemble",
                                              "(verify the signature)",
                                              "(lint)",
                                              "(read the certificate for the inventory)"};

static void issue(const struct bench *b, int i, bool extra, double spent[STEPS])
{
    struct rv_error err;
    struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
    struct rv_buf tbs RV_AUTO(rv_buf) = {0}, signature RV_AUTO(rv_buf) = {0}, cert RV_AUTO(rv_buf) = {0};
    struct rv_csr csr;
    double t[STEPS + 1] = {0};
#define AT(n) (spent != NULL ? (void)(t[n] = cpu_us()) : (void)0)
    AT(READ);
    must(rv_csr_read(rv_buf_bytes(&b->requests[i % REQUESTS]), arena, &csr, &err), &err);
    AT(CHECK);
    struct rv_wish wish = rv_wish_of_csr(&csr);
    must(rv_profile_check(b->profile, &csr, &wish, &err), &err);
    AT(BUILD);
    struct rv_leaf leaf = {.names = wish.names, .spki = csr.key.der};
    rv_serial_make(leaf.serial);
    must(rv_profile_times(b->profile, 0, NOW, rv_ca_not_after(b->ca), &leaf.not_before, &leaf.not_after, &err), &err);
    must(rv_tbs_build(b->profile, b->ca, &leaf, &tbs, &err), &err);
    AT(SIGN);
    must(rv_key_sign(b->ca_key, rv_buf_bytes(&tbs), &signature, &err), &err);
    rv_cert_assemble(rv_buf_bytes(&tbs), rv_key_signature_algorithm(b->ca_key), rv_buf_bytes(&signature), &cert);
    AT(VERIFY);
    if (extra)
        must(rv_cert_verify(rv_buf_bytes(&cert), rv_ca_key(b->ca), &err), &err);
    AT(LINT);
    if (extra)
        must(rv_lint_tbs(rv_buf_bytes(&tbs), b->ca, NULL, &err), &err);
    AT(INVENTORY);
    struct rv_cert_info info;
    if (extra)
        must(rv_cert_read(rv_buf_bytes(&cert), arena, &info, &err), &err);
    AT(STEPS);
    for (int n = 0; spent != NULL && n < STEPS; n++)
        spent[n] += t[n + 1] - t[n];
}

int main(int argc, char *argv[])
{
    struct bench b = {0};
    setup(&b);
    issue(&b, 0, true, NULL); /* what is measured is right */
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double start = cpu_us();
        for (int i = 0; i < PER_ROUND; i++)
            issue(&b, i, false, NULL);
        double each = (cpu_us() - start) / PER_ROUND;
        best = round == 0 || each < best ? each : best;
    }
    printf("%.1f µs CPU per certificate (P-256, lean loop)\n", best);
    if (argc == 2 && strcmp(argv[1], "-v") == 0) {
        double spent[STEPS] = {0};
        for (int i = 0; i < PER_ROUND; i++)
            issue(&b, i, true, spent);
        for (int n = 0; n < STEPS; n++)
            printf("%8.2f  %s\n", spent[n] / PER_ROUND, step_names[n]);
    }
    for (int i = 0; i < REQUESTS; i++)
        rv_buf_fini(&b.requests[i]);
    rv_profile_release(b.profile);
    rv_ca_destroy(b.ca);
    rv_key_destroy(b.ca_key);
    return 0;
}

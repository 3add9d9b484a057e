/* Certificates as they come from servers: read, lint, judge. Where libcrypto reads the same bytes, both must agree on
 * when it ends and on the serial number. */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "pki/certificate.h"
#include "pki/lint.h"
#include "pki/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const struct rv_cert_info *info)
{
    const uint8_t *at = info->der.ptr;
    X509 *x = d2i_X509(NULL, &at, (long)info->der.len);
    struct tm tm;
    if (x != NULL && ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) == 1) {
        struct rv_civil c = {tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec};
        char serial[48];
        const ASN1_INTEGER *n = X509_get0_serialNumber(x);
        if (rv_time_of_civil(&c) != info->not_after)
            abort();
        rv_serial_text(serial, ASN1_STRING_get0_data(n), (size_t)ASN1_STRING_length(n));
        if (strcmp(info->serial[0] == '0' && info->serial[1] == '0' && info->serial[2] != 0 ? info->serial + 2
                                                                                            : info->serial,
                   serial) != 0)
            abort();
    }
    X509_free(x);
    ERR_clear_error();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
    struct rv_cert_info info;
    struct rv_error err;
    struct rv_probe_result result = {0};
    struct rv_probe_spec spec = {.host = "shop.example.com"};
    struct rv_bytes all = RV_BYTES(data, size);
    if (rv_cert_read(all, arena, &info, &err) == RV_OK) {
        if (info.malformed == NULL)
            compare(&info);
        if (info.tbs.len > 0 && rv_lint_tbs(info.tbs, NULL, NULL, &err) == RV_OK &&
            rv_tbs_read(info.tbs, arena, &info, &err) != RV_OK)
            abort(); /* what passes the linter can be read */
    }
    (void)!rv_tbs_read(all, arena, &info, &err);
    (void)!rv_lint_tbs(all, NULL, NULL, &err);
    rv_judge_chain(all, 1, &spec, INT64_C(1795442400000), &result);
    return 0;
}

#include <openssl/err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "pki/crypto_priv.h"

static struct {
    EVP_MD *sha256, *sha384, *sha512;
} digests;
static pthread_once_t digests_once = PTHREAD_ONCE_INIT;

_Noreturn void rv_crypto_stop(const char *what)
{
    fprintf(stderr, "fatal: libcrypto cannot do %s\n", what);
    ERR_print_errors_fp(stderr);
    abort();
}

static void digests_fetch(void)
{
    digests.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    digests.sha384 = EVP_MD_fetch(NULL, "SHA384", NULL);
    digests.sha512 = EVP_MD_fetch(NULL, "SHA512", NULL);
    if (digests.sha256 == NULL || digests.sha384 == NULL || digests.sha512 == NULL)
        rv_crypto_stop("SHA-2");
}

const EVP_MD *rv_crypto_sha256(void)
{
    pthread_once(&digests_once, digests_fetch);
    return digests.sha256;
}

const EVP_MD *rv_crypto_sha384(void)
{
    pthread_once(&digests_once, digests_fetch);
    return digests.sha384;
}

const EVP_MD *rv_crypto_sha512(void)
{
    pthread_once(&digests_once, digests_fetch);
    return digests.sha512;
}

enum rv_status rv_crypto_fail(struct rv_error *err, enum rv_status status, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    if (reason != NULL)
        rv_fail(err, status, "%s: %s", what, reason);
    else
        rv_fail(err, status, "%s", what);
    ERR_clear_error();
    return status;
}

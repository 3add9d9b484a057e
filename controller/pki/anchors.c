#include "pki/anchors_priv.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>

#include "pki/crypto_priv.h"
#include "pki/digest.h"
#include "pki/pem.h"

#define KEPT 4

static struct kept { /* the newest first */
    struct rv_hash pem;
    bool system;
    X509_STORE *store;
} kept[KEPT];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static STACK_OF(X509) * system_anchors; /* under the lock; read once */

static enum rv_status add(void *arg, const char *label, struct rv_bytes der, struct rv_error *err)
{
    STACK_OF(X509) *list = arg;
    const uint8_t *at = der.ptr;
    (void)label;
    X509 *x = d2i_X509(NULL, &at, (long)der.len);
    if (x == NULL || at != der.ptr + der.len || sk_X509_push(list, x) <= 0) {
        X509_free(x);
        return rv_crypto_fail(err, RV_INVALID, "a trusted certificate cannot be read");
    }
    return RV_OK;
}

static void system_load(void)
{
    system_anchors = sk_X509_new_null();
    const char *path = getenv(X509_get_default_cert_file_env());
    BIO *file = BIO_new_file(path != NULL ? path : "/etc/ssl/certs/ca-certificates.crt", "r");
    if (file == NULL)
        file = BIO_new_file(X509_get_default_cert_file(), "r");
    for (X509 *x; file != NULL && (x = PEM_read_bio_X509(file, NULL, NULL, NULL)) != NULL;)
        if (sk_X509_push(system_anchors, x) <= 0)
            X509_free(x);
    BIO_free(file);
    ERR_clear_error(); /* the end of the file is an error there */
}

static bool self_signed(X509 *x)
{
    return X509_self_signed(x, 0) == 1;
}

static X509_STORE *store_make(STACK_OF(X509) * own, bool system)
{
    X509_STORE *store = X509_STORE_new();
    bool any = false;
    for (int i = 0; i < sk_X509_num(own); i++)
        any = any || self_signed(sk_X509_value(own, i));
    for (int i = 0; i < sk_X509_num(own); i++)
        if (!any || self_signed(sk_X509_value(own, i)))
            X509_STORE_add_cert(store, sk_X509_value(own, i));
    if (sk_X509_num(own) > 0 && !any)
        X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    for (int i = 0; system && i < sk_X509_num(system_anchors); i++)
        X509_STORE_add_cert(store, sk_X509_value(system_anchors, i));
    ERR_clear_error();
    return store;
}

X509_STORE *rv_anchors(struct rv_bytes pem, bool system, const char **ret_fault)
{
    struct rv_hash hash;
    rv_sha256(pem, &hash);
    pthread_mutex_lock(&lock);
    size_t at = 0;
    while (at < KEPT && !(kept[at].store != NULL && kept[at].system == system && rv_hash_equal(&kept[at].pem, &hash)))
        at++;
    struct kept found = at < KEPT ? kept[at] : (struct kept){hash, system, NULL};
    if (found.store == NULL) {
        STACK_OF(X509) *own = sk_X509_new_null();
        if (system && system_anchors == NULL)
            system_load();
        if (rv_pem_each(pem, RV_PEM_CERTIFICATE, add, own, NULL) == RV_OK)
            found.store = store_make(own, system);
        sk_X509_pop_free(own, X509_free);
        at = KEPT - 1;
        if (found.store != NULL)
            X509_STORE_free(kept[at].store);
    }
    if (found.store != NULL) {
        memmove(kept + 1, kept, at * sizeof *kept);
        kept[0] = found;
        X509_STORE_up_ref(found.store);
    } else {
        *ret_fault = "the list of trusted certificates cannot be read";
    }
    pthread_mutex_unlock(&lock);
    return found.store;
}

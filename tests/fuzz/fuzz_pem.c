/* PEM: what is read can be written and is read the same again. A private key in it is read too. */
#include <stdlib.h>

#include "pki/key.h"
#include "pki/pem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum rv_status again(void *arg, const char *label, struct rv_bytes der, struct rv_error *err)
{
    struct rv_buf pem RV_AUTO(rv_buf) = {0}, back RV_AUTO(rv_buf) = {0};
    (void)arg;
    rv_pem_add(&pem, label, der);
    if (pem.len <= RV_PEM_MAX_SIZE &&
        (rv_pem_one(rv_buf_bytes(&pem), label, &back, err) != RV_OK || !rv_bytes_equal(rv_buf_bytes(&back), der)))
        abort();
    return RV_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rv_error err;
    struct rv_key *key = NULL;
    (void)!rv_pem_each(RV_BYTES(data, size), NULL, again, NULL, &err);
    if (rv_key_from_pem(RV_BYTES(data, size), NULL, &key, &err) == RV_OK)
        rv_key_destroy(key);
    return 0;
}

#include "deploy/controller_key.h"

#include "base/arena.h"
#include "base/secret.h"
#include "pki/csr.h"
#include "pki/key.h"
#include "pki/names.h"

enum rv_status rv_controller_key(const struct rv_certificate_spec *spec, struct rv_buf *pem, struct rv_hash *ret_spki,
                                 struct rv_buf *csr, struct rv_error *err)
{
    RV_AUTO(rv_arena) struct rv_arena *arena = rv_arena_create();
    RV_AUTO(rv_key) struct rv_key *key = NULL;
    struct rv_cert_names names;
    enum rv_status status = rv_cert_names_of_spec(spec, arena, &names, err);
    if (status == RV_OK)
        status = rv_key_generate(&spec->key, &key, err);
    if (status == RV_OK)
        status = rv_csr_create(key, spec->common_name, &names, csr, err);
    if (status != RV_OK)
        return status;
    RV_AUTO(rv_secret) struct rv_secret *text = rv_key_plain_pem(key);
    struct rv_bytes plain = rv_secret_bytes(text);
    rv_buf_reserve(pem, plain.len + 1); /* at once: growing would leave a copy behind */
    rv_buf_add(pem, plain.ptr, plain.len);
    *ret_spki = *rv_key_spki_hash(key);
    return RV_OK;
}

enum rv_status rv_controller_key_of_request(struct rv_bytes csr, struct rv_hash *ret_spki, struct rv_error *err)
{
    RV_AUTO(rv_arena) struct rv_arena *arena = rv_arena_create();
    struct rv_csr request;
    enum rv_status status = rv_csr_read(csr, arena, &request, err);
    if (status == RV_OK)
        *ret_spki = request.spki_hash;
    return status;
}

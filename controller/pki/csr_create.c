#include "pki/csr.h"
#include "pki/der_priv.h"
#include "pki/extension_priv.h"
#include "pki/names_priv.h"
#include "pki/subject_priv.h"

/* attributes [0]: extensionRequest with the names (RFC 2985 §5.4.2). */
static void put_attributes(struct rv_buf *buf, const struct rv_cert_names *names, bool critical)
{
    size_t attributes = rv_der_open(buf, DER_CONTEXT_CONSTRUCTED(0));
    if (names->count > 0) {
        size_t attribute = rv_der_open(buf, DER_SEQUENCE);
        rv_der_put(buf, DER_OID, DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"));
        size_t values = rv_der_open(buf, DER_SET), list = rv_der_open(buf, DER_SEQUENCE);
        struct rv_extension_mark san = rv_extension_open(buf, rv_oid_san, critical);
        rv_general_names_put(buf, names);
        rv_extension_close(buf, san);
        rv_der_close(buf, list);
        rv_der_close(buf, values);
        rv_der_close(buf, attribute);
    }
    rv_der_close(buf, attributes);
}

enum rv_status rv_csr_create(const struct rv_key *key, const char *common_name, const struct rv_cert_names *names,
                             struct rv_buf *ret, struct rv_error *err)
{
    struct rv_buf info RV_AUTO(rv_buf) = {0}, signature RV_AUTO(rv_buf) = {0};
    size_t mark = rv_der_open(&info, DER_SEQUENCE);
    rv_der_put_uint(&info, 0);
    rv_subject_put(&info, NULL, common_name);
    rv_der_raw(&info, rv_key_spki(key));
    put_attributes(&info, names, common_name == NULL);
    rv_der_close(&info, mark);
    enum rv_status status = rv_key_sign(key, rv_buf_bytes(&info), &signature, err);
    if (status != RV_OK)
        return status;
    mark = rv_der_open(ret, DER_SEQUENCE);
    rv_der_raw(ret, rv_buf_bytes(&info));
    rv_der_raw(ret, rv_key_signature_algorithm(key));
    rv_der_put_bits(ret, rv_buf_bytes(&signature));
    rv_der_close(ret, mark);
    return RV_OK;
}

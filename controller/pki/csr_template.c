/* The grammar of PKCS#10 (RFC 2986 §4) as templates for libcrypto's decoder. They are shallow, so that the slow machinery
 * for keys is never entered, and the parts that stay raw (name, extensions) are decoded by templates of their own. The
 * encoder must give back the same bytes: lengths, tags, defaults and set order are DER then. The key's fixed forms are
 * compared byte for byte elsewhere (spki.c). */
#include "pki/csr_template_priv.h"

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/safestack.h>

#include "pki/der_priv.h"

typedef struct {
    ASN1_OBJECT *type;
    STACK_OF(ASN1_TYPE) * values;
} CSR_ATTRIBUTE;
DEFINE_STACK_OF(CSR_ATTRIBUTE)
typedef struct {
    ASN1_INTEGER *version;
    ASN1_STRING *subject, *spki; /* raw */
    STACK_OF(CSR_ATTRIBUTE) * attributes;
} CSR_INFO;
typedef struct {
    CSR_INFO *info;
    ASN1_STRING *algorithm; /* raw */
    ASN1_BIT_STRING *signature;
} CSR_WHOLE;
typedef struct {
    ASN1_OBJECT *type;
    ASN1_TYPE *value;
} CSR_PAIR;
typedef struct {
    ASN1_OBJECT *id;
    ASN1_BOOLEAN critical;
    ASN1_OCTET_STRING *value;
} CSR_EXTENSION;

/* The macros end their statements inside themselves, which no formatter understands. */
/* clang-format off */
ASN1_SEQUENCE(CSR_ATTRIBUTE) = {
    ASN1_SIMPLE(CSR_ATTRIBUTE, type, ASN1_OBJECT),
    ASN1_SET_OF(CSR_ATTRIBUTE, values, ASN1_ANY),
} static_ASN1_SEQUENCE_END(CSR_ATTRIBUTE)

ASN1_SEQUENCE(CSR_INFO) = {
    ASN1_SIMPLE(CSR_INFO, version, ASN1_INTEGER),
    ASN1_SIMPLE(CSR_INFO, subject, ASN1_SEQUENCE),
    ASN1_SIMPLE(CSR_INFO, spki, ASN1_SEQUENCE),
    ASN1_IMP_SET_OF_OPT(CSR_INFO, attributes, CSR_ATTRIBUTE, 0),
} static_ASN1_SEQUENCE_END(CSR_INFO)

ASN1_SEQUENCE(CSR_WHOLE) = {
    ASN1_SIMPLE(CSR_WHOLE, info, CSR_INFO),
    ASN1_SIMPLE(CSR_WHOLE, algorithm, ASN1_SEQUENCE),
    ASN1_SIMPLE(CSR_WHOLE, signature, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END(CSR_WHOLE)

/* Name of our own: X509_NAME keeps the bytes that it saw and would always agree with itself. */
ASN1_SEQUENCE(CSR_PAIR) = {
    ASN1_SIMPLE(CSR_PAIR, type, ASN1_OBJECT),
    ASN1_SIMPLE(CSR_PAIR, value, ASN1_ANY),
} static_ASN1_SEQUENCE_END(CSR_PAIR)

ASN1_ITEM_TEMPLATE(CSR_RDN) = ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SET_OF, 0, rdn, CSR_PAIR);
static_ASN1_ITEM_TEMPLATE_END(CSR_RDN)
ASN1_ITEM_TEMPLATE(CSR_NAME) = ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SEQUENCE_OF, 0, name, CSR_RDN);
static_ASN1_ITEM_TEMPLATE_END(CSR_NAME)

ASN1_SEQUENCE(CSR_EXTENSION) = {
    ASN1_SIMPLE(CSR_EXTENSION, id, ASN1_OBJECT),
    ASN1_OPT(CSR_EXTENSION, critical, ASN1_FBOOLEAN),
    ASN1_SIMPLE(CSR_EXTENSION, value, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END(CSR_EXTENSION)

ASN1_ITEM_TEMPLATE(CSR_EXTENSIONS) = ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SEQUENCE_OF, 0, extensions, CSR_EXTENSION);
static_ASN1_ITEM_TEMPLATE_END(CSR_EXTENSIONS)

/* NULL: not decoded, or encoded to other bytes. The value is given. */
static ASN1_VALUE *same(const ASN1_ITEM *item, struct rv_bytes der);
/* clang-format on */

static ASN1_VALUE *same(const ASN1_ITEM *item, struct rv_bytes der)
{
    const uint8_t *at = der.ptr;
    uint8_t *again = NULL;
    ASN1_VALUE *value = ASN1_item_d2i(NULL, &at, (long)der.len, item);
    int len = value == NULL || at != der.ptr + der.len ? -1 : ASN1_item_i2d(value, &again, item); /* H-5 */
    bool equal = len >= 0 && rv_bytes_equal(der, RV_BYTES(again, (size_t)len));
    OPENSSL_free(again);
    if (!equal) {
        ERR_clear_error();
        ASN1_item_free(value, item);
        value = NULL;
    }
    return value;
}

static bool item_agrees(const ASN1_ITEM *item, struct rv_bytes der)
{
    ASN1_VALUE *value = same(item, der);
    ASN1_item_free(value, item);
    return value != NULL;
}

/* Every attribute value that claims to be a list of extensions is one. */
static bool attributes_agree(const CSR_INFO *info)
{
    static const struct rv_bytes extension_request = DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e");
    for (int i = 0; i < sk_CSR_ATTRIBUTE_num(info->attributes); i++) {
        const CSR_ATTRIBUTE *a = sk_CSR_ATTRIBUTE_value(info->attributes, i);
        struct rv_bytes type = RV_BYTES(OBJ_get0_data(a->type), OBJ_length(a->type));
        for (int k = 0; rv_bytes_equal(type, extension_request) && k < sk_ASN1_TYPE_num(a->values); k++) {
            const ASN1_TYPE *v = sk_ASN1_TYPE_value(a->values, k);
            if (v->type != V_ASN1_SEQUENCE ||
                !item_agrees(ASN1_ITEM_rptr(CSR_EXTENSIONS),
                             RV_BYTES(v->value.sequence->data, (size_t)v->value.sequence->length)))
                return false;
        }
    }
    return true;
}

const char *rv_csr_template_fault(struct rv_bytes der)
{
    CSR_WHOLE *csr = (CSR_WHOLE *)same(ASN1_ITEM_rptr(CSR_WHOLE), der);
    if (csr == NULL)
        return "it is no PKCS#10 request in DER";
    const ASN1_STRING *subject = csr->info->subject;
    const char *fault = NULL;
    if (!item_agrees(ASN1_ITEM_rptr(CSR_NAME), RV_BYTES(subject->data, (size_t)subject->length)))
        fault = "its subject is no Name in DER";
    else if (!attributes_agree(csr->info))
        fault = "its requested extensions are no Extensions in DER";
    ASN1_item_free((ASN1_VALUE *)csr, ASN1_ITEM_rptr(CSR_WHOLE));
    return fault;
}

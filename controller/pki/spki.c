#include "pki/spki.h"

#include <stdio.h>

#include "pki/der_priv.h"

/* B-19: the heads of the SubjectPublicKeyInfo of fixed size, up to the first octet of the key. */
static const struct fixed {
    enum rv_key_algorithm algorithm;
    int bits;
    struct rv_bytes head;
    size_t key_len;
    const char *text;
} fixed[] = {
    {RV_KEY_ECDSA, 256,
     DER_BYTES("\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00"),
     65, "ECDSA P-256"},
    {RV_KEY_ECDSA, 384,
     DER_BYTES("\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00"), 97,
     "ECDSA P-384"},
    {RV_KEY_ED25519, 256, DER_BYTES("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"), 32, "Ed25519"},
};
static const struct rv_bytes rsa_algorithm = DER_BYTES("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00");
static const struct rv_bytes ec_oid = DER_BYTES("\x2a\x86\x48\xce\x3d\x02\x01");

/* Why it was refused, for people: by far most are right keys of a kind that we do not certify. */
static enum rv_status refuse(struct rv_bytes der, struct rv_error *err)
{
    struct rv_der spki, algorithm, oid, curve;
    char text[80];
    if (!rv_der_only(der, DER_SEQUENCE, &spki) || !rv_der_take(&spki.body, DER_SEQUENCE, &algorithm) ||
        !rv_der_take(&algorithm.body, DER_OID, &oid))
        return rv_fail(err, RV_INVALID, "the public key is malformed");
    if (!rv_bytes_equal(oid.body, ec_oid))
        return rv_fail(err, RV_INVALID, "the key algorithm %s is not supported, or its encoding is not canonical",
                       rv_der_oid_text(oid.body, text, sizeof text));
    if (!rv_der_take(&algorithm.body, DER_OID, &curve))
        return rv_fail(err, RV_INVALID, "the elliptic curve is spelled out; only named curves are accepted");
    for (size_t i = 0; i < RV_COUNT(fixed); i++)
        if (fixed[i].algorithm == RV_KEY_ECDSA && /* the head without the outer SEQUENCE and the BIT STRING */
            rv_bytes_equal(algorithm.whole, RV_BYTES(fixed[i].head.ptr + 2, fixed[i].head.len - 5)))
            return rv_fail(err, RV_INVALID, "the point of the %s key is not in the uncompressed form", fixed[i].text);
    return rv_fail(err, RV_INVALID, "the elliptic curve %s is not supported; use P-256 or P-384",
                   rv_der_oid_text(curve.body, text, sizeof text));
}

static bool strip_sign(struct rv_der *integer)
{
    struct rv_bytes b = integer->body;
    if (b.len == 0 || b.ptr[0] >= 0x80) /* negative */
        return false;
    integer->body = b.ptr[0] == 0 ? RV_BYTES(b.ptr + 1, b.len - 1) : b;
    return integer->body.len > 0 && integer->body.ptr[0] != 0;
}

static enum rv_status read_rsa(struct rv_bytes der, struct rv_spki *spki, struct rv_error *err)
{
    const char *fault = rv_der_fault(der);
    if (fault != NULL)
        return rv_fail(err, RV_INVALID, "the public key is malformed: %s", fault);
    struct rv_der whole, algorithm, bits, key, n, e;
    if (!rv_der_only(der, DER_SEQUENCE, &whole) || !rv_der_take(&whole.body, DER_SEQUENCE, &algorithm) ||
        !rv_der_take(&whole.body, DER_BIT_STRING, &bits) || whole.body.len > 0 || bits.body.len < 2 || bits.body.ptr[0] != 0)
        return rv_fail(err, RV_INVALID, "the RSA public key is malformed");
    spki->key = RV_BYTES(bits.body.ptr + 1, bits.body.len - 1);
    fault = rv_der_fault(spki->key);
    if (fault != NULL || !rv_der_only(spki->key, DER_SEQUENCE, &key) || !rv_der_take(&key.body, DER_INTEGER, &n) ||
        !rv_der_take(&key.body, DER_INTEGER, &e) || key.body.len > 0 || !strip_sign(&n) || !strip_sign(&e))
        return rv_fail(err, RV_INVALID, "the RSA public key is malformed%s%s", fault == NULL ? "" : ": ",
                       fault == NULL ? "" : fault);
    int top = 8 - (__builtin_clz(n.body.ptr[0]) - 24);
    if (n.body.len > 1024) /* M-20: before any arithmetic */
        return rv_fail(err, RV_INVALID, "the RSA key is longer than 8192 bits");
    if (e.body.len > 8)
        return rv_fail(err, RV_INVALID, "the RSA exponent is longer than 64 bits");
    spki->algorithm = RV_KEY_RSA;
    spki->bits = (int)(n.body.len - 1) * 8 + top;
    spki->modulus = n.body;
    spki->exponent = e.body;
    return RV_OK;
}

enum rv_status rv_spki_read(struct rv_bytes der, struct rv_spki *ret, struct rv_error *err)
{
    struct rv_spki spki = {.der = der};
    for (size_t i = 0; i < RV_COUNT(fixed); i++) {
        const struct fixed *f = &fixed[i];
        if (der.len != f->head.len + f->key_len || memcmp(der.ptr, f->head.ptr, f->head.len) != 0)
            continue;
        spki.algorithm = f->algorithm;
        spki.bits = f->bits;
        spki.key = RV_BYTES(der.ptr + f->head.len, f->key_len);
        if (f->algorithm == RV_KEY_ECDSA && spki.key.ptr[0] != 0x04) /* K-02: hybrid */
            return refuse(der, err);
        *ret = spki;
        return RV_OK;
    }
    struct rv_der whole;
    if (!rv_der_only(der, DER_SEQUENCE, &whole) || whole.body.len < rsa_algorithm.len ||
        memcmp(whole.body.ptr, rsa_algorithm.ptr, rsa_algorithm.len) != 0)
        return refuse(der, err);
    enum rv_status status = read_rsa(der, &spki, err);
    if (status == RV_OK)
        *ret = spki;
    return status;
}

const char *rv_key_algorithm_text(enum rv_key_algorithm algorithm, int bits, char out[static 32])
{
    if (algorithm == RV_KEY_ED25519)
        snprintf(out, 32, "Ed25519");
    else
        snprintf(out, 32, "%s%d", algorithm == RV_KEY_ECDSA ? "ECDSA P-" : "RSA ", bits);
    return out;
}

const char *rv_spki_text(const struct rv_spki *spki, char out[static 32])
{
    return rv_key_algorithm_text(spki->algorithm, spki->bits, out);
}

/* The names of a certification request as DER, so that openssl on the target reads digits and no configuration syntax. */
#include "deploy/deploy_priv.h"

#include "core/names.h"

/* RFC 5280 §4.2.1.6: context tags of GeneralName. */
enum { TAG_EMAIL = 0x81, TAG_DNS = 0x82, TAG_URI = 0x86, TAG_IP = 0x87, TAG_SEQUENCE = 0x30 };

static void add_tlv(struct rv_buf *out, uint8_t tag, struct rv_bytes value)
{
    rv_buf_add_byte(out, tag);
    if (value.len < 0x80) {
        rv_buf_add_byte(out, (uint8_t)value.len);
    } else {
        unsigned octets = value.len < 0x100 ? 1 : value.len < 0x10000 ? 2 : 3;
        rv_buf_add_byte(out, (uint8_t)(0x80 | octets));
        rv_buf_add_be(out, value.len, octets);
    }
    rv_buf_add(out, value.ptr, value.len);
}

static enum rv_status add_texts(struct rv_buf *out, uint8_t tag, const struct rv_texts *texts, struct rv_error *err)
{
    for (size_t i = 0; i < texts->count; i++) {
        const char *text = texts->items[i];
        size_t n = strlen(text);
        bool fits = n >= 1 && n <= RV_NAME_MAX;
        for (size_t k = 0; k < n && fits; k++)
            fits = (unsigned char)text[k] > 0x20 && (unsigned char)text[k] < 0x7f;
        if (!fits)
            return rv_fail(err, RV_INVALID, "\"%.80s\" is not a name: expected 1 to %d printable ASCII characters", text,
                           RV_NAME_MAX);
        add_tlv(out, tag, RV_BYTES(text, n));
    }
    return RV_OK;
}

enum rv_status rv_deploy_names(const struct rv_certificate_spec *spec, struct rv_buf *out, struct rv_error *err)
{
    size_t count = spec->dns_names.count + spec->ip_addresses.count + spec->uris.count + spec->email_addresses.count;
    if (count == 0)
        return RV_OK;
    if (count > 100) /* M-20 */
        return rv_fail(err, RV_INVALID, "%zu names are too many for one certificate: expected at most 100", count);
    RV_AUTO(rv_buf) struct rv_buf names = {0};
    enum rv_status status = add_texts(&names, TAG_DNS, &spec->dns_names, err);
    for (size_t i = 0; status == RV_OK && i < spec->ip_addresses.count; i++) {
        uint8_t octets[16];
        size_t n;
        if (!rv_ip_parse(spec->ip_addresses.items[i], octets, &n))
            return rv_fail(err, RV_INVALID, "\"%.80s\" is not an IP address", spec->ip_addresses.items[i]);
        add_tlv(&names, TAG_IP, RV_BYTES(octets, n));
    }
    if (status == RV_OK)
        status = add_texts(&names, TAG_URI, &spec->uris, err);
    if (status == RV_OK)
        status = add_texts(&names, TAG_EMAIL, &spec->email_addresses, err);
    if (status == RV_OK)
        add_tlv(out, TAG_SEQUENCE, rv_buf_bytes(&names));
    return status;
}

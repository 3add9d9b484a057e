/* Names: what is accepted is its own normal form, and an IP address survives its text. The first byte picks the type. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "core/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ip(const char *text)
{
    uint8_t octets[16], again[16];
    size_t len, len_again;
    char shown[46];
    if (!rv_ip_parse(text, octets, &len))
        return;
    rv_ip_text(shown, octets, len);
    if (!rv_ip_parse(shown, again, &len_again) || len != len_again || memcmp(octets, again, len) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *text = rv_strndup((const char *)data + 1, size - 1);
    char out[RV_NAME_MAX + 1], again[RV_NAME_MAX + 1];
    enum rv_name_type type = (enum rv_name_type)(data[0] % 4);
    struct rv_error err;
    if (rv_name_normalise(type, text, out, &err) == RV_OK &&
        (rv_name_normalise(type, out, again, &err) != RV_OK || strcmp(out, again) != 0))
        abort();
    check_ip(text);
    rv_dns_matches(text, "shop.example.com");
    rv_dns_within(text, "example.com");
    rv_free(text);
    return 0;
}

/* The names of a certificate before it travels. The target holds the pair against key, chain and clock; which names were
 * asked for is known only here. */
#include "deploy/deploy_priv.h"

#include "pki/certificate.h"
#include "pki/pem.h"

enum rv_status rv_deploy_check_names(const struct rv_certificate_spec *spec, const char *certificate_pem,
                                     struct rv_error *err)
{
    RV_AUTO(rv_arena) struct rv_arena *arena = rv_arena_create();
    RV_AUTO(rv_buf) struct rv_buf der = {0};
    struct rv_cert_info have;
    struct rv_cert_names wanted;
    char found[160], expected[160];
    enum rv_status status = rv_pem_one(rv_bytes_of(certificate_pem), RV_PEM_CERTIFICATE, &der, err);
    if (status == RV_OK)
        status = rv_cert_read(rv_buf_bytes(&der), arena, &have, err);
    if (status == RV_OK)
        status = rv_cert_names_of_spec(spec, arena, &wanted, err);
    if (status != RV_OK || rv_cert_names_equal(&have.names, &wanted))
        return status;
    rv_fail(err, RV_INVALID, "the certificate is for %s: expected %s",
            have.names.count == 0 ? "no name" : rv_cert_names_text(&have.names, found, sizeof found),
            rv_cert_names_text(&wanted, expected, sizeof expected));
    return rv_error_hint(err, RV_INVALID, "it was not sent to the target; look at what the issuer signed");
}

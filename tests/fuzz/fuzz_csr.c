/* Requests: whatever comes, reading ends and stays in bounds; what is accepted has normal names. */
#include <stdlib.h>
#include <string.h>

#include "pki/csr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
    struct rv_csr csr;
    struct rv_error err;
    if (rv_csr_read_any(RV_BYTES(data, size), arena, &csr, &err) != RV_OK)
        return 0;
    for (size_t i = 0; i < csr.names.count; i++) {
        char normal[RV_NAME_MAX + 1];
        const struct rv_cert_name *n = &csr.names.items[i];
        if (rv_name_normalise(n->type, n->text, normal, &err) != RV_OK || strcmp(normal, n->text) != 0)
            abort();
    }
    return 0;
}

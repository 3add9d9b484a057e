/* Manifests from text: whatever is read and accepted has a canonical document that is accepted too, and is its own. */
#include <stdlib.h>

#include "conf/manifest_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const json_t *document)
{
    struct rv_arena *arena = rv_arena_create();
    struct rv_object *object, *again;
    struct rv_fault *faults;
    if (rv_object_decode(document, arena, &object, &faults) == RV_OK) {
        json_t *canonical = rv_object_encode(object);
        if (rv_object_decode(canonical, arena, &again, &faults) != RV_OK)
            abort();
        json_t *second = rv_object_encode(again);
        if (!json_equal(canonical, second))
            abort();
        json_decref(second);
        json_decref(canonical);
    }
    rv_arena_destroy(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rv_manifest *set = NULL;
    struct rv_error err;
    struct rv_buf out = {0};
    if (rv_manifest_parse(&set, "fuzz", RV_BYTES(data, size), &err) == RV_OK) {
        for (size_t i = 0; i < rv_manifest_count(set); i++)
            round_trip(rv_manifest_doc(set, i)->json);
        rv_manifest_check(set, &out);
    }
    rv_buf_fini(&out);
    rv_manifest_destroy(set);
    return 0;
}

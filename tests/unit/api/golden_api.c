/* golden_api [--update] SOURCE: the REST interface as text, so that a change shows in review. */
#include "support/golden.h"

#include "api/routes.h"

int main(int argc, char *argv[])
{
    struct rv_buf text = {0};
    rv_api_reference(&text);
    int stale = golden_check(argc, argv, "docs/reference/api.md", &text);
    json_t *document = rv_openapi(NULL);
    RV_AUTO(char) char *json = rv_json_pretty(document);
    rv_buf_printf(&text, "%s\n", json);
    json_decref(document);
    return golden_check(argc, argv, "tests/golden/openapi.json", &text) | stale;
}

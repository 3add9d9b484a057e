/* conf/yaml and conf/manifest_file: what scalars are, what is refused and where, lines of fields, files and folders. */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/manifest_file.h"
#include "conf/yaml.h"

static void scalars_follow_the_core_schema(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *json;
    } cases[] = {
        {"true", "true"},
        {"False", "false"},
        {"yes", "\"yes\""},
        {"on", "\"on\""},
        {"No", "\"No\""},
        {"null", "null"},
        {"~", "null"},
        {"", "null"},
        {"42", "42"},
        {"-7", "-7"},
        {"+7", "7"},
        {"0", "0"},
        {"0x1F", "31"},
        {"0o17", "15"},
        {"1.5", "1.5"},
        {"1e3", "1000.0"},
        {"'42'", "\"42\""},
        {"\"true\"", "\"true\""},
        {"10%", "\"10%\""},
        {"1.2.3.4", "\"1.2.3.4\""},
        {"10m", "\"10m\""},
        {"1_000", "\"1_000\""},
        {"12:30:00", "\"12:30:00\""},
        {"2026-11-23", "\"2026-11-23\""},
        {"-", NULL},
        {".", "\".\""},
        {"1e", "\"1e\""},
        {"!!str 42", "\"42\""},
        {"!!int 42", "42"},
        {"! 42", "\"42\""},
        {"|\n  a\n  b\n", "\"a\\nb\\n\""},
        {">-\n  a\n  b\n", "\"a b\""},
        {"\"a\\tb\"", "\"a\\tb\""},
        {"[1, a]", "[1,\"a\"]"},
        {"{a: 1}", "{\"a\":1}"},
        {"\"\\u00fc\"", "\"\xc3\xbc\""},
    };
    for (size_t i = 0; i < RV_COUNT(cases); i++) {
        char yaml[128];
        struct rv_manifest *set = NULL;
        struct rv_error err = {0};
        snprintf(yaml, sizeof yaml, "v: %s\n", cases[i].yaml);
        enum rv_status status = rv_manifest_parse(&set, "t", rv_bytes_of(yaml), &err);
        if (cases[i].json == NULL) {
            assert_int_equal(status, RV_INVALID);
            rv_manifest_destroy(set);
            continue;
        }
        if (status != RV_OK)
            fail_msg("%s: %s", yaml, err.message);
        RV_AUTO(char) char *text = rv_json_text(json_object_get(rv_manifest_doc(set, 0)->json, "v"));
        assert_string_equal(text, cases[i].json);
        rv_manifest_destroy(set);
    }
}

static void what_is_refused_says_where(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *where, *says;
    } cases[] = {
        {"a: 1\nb: &x 2\n", "t:2:4", "an anchor (&x) is not supported"},
        {"a: *x\n", "t:1:4", "an alias (*x) is not supported"},
        {"a: &x {b: 1}\n", "t:1:4", "an anchor"},
        {"a:\n  <<: {b: 1}\n", "t:2:3", "merging"},
        {"a: !secret 1\n", "t:1:4", "the tag !secret"},
        {"a: !!binary aGk=\n", "t:1:4", "the tag tag:yaml.org,2002:binary"},
        {"a: !!int x\n", "t:1:4", "does not fit"},
        {"a: !!int '1'\n", "t:1:4", "does not fit"},
        {"a: !!seq {b: 1}\n", "t:1:4", "does not fit"},
        {"a: 1\na: 2\n", "t:2:1", "\"a\" is there twice"},
        {"? [a]\n: 1\n", "t:1:3", "as the name of a field"},
        {"'': 1\n", "t:1:1", "empty"},
        {"- a\n", "t:1:1", "expected a mapping"},
        {"a: 1\n--- text\n", "t:2:5", "expected a mapping"},
        {"a: 0755\n", "t:1:4", "octal"},
        {"a: 99999999999999999999\n", "t:1:4", "too large"},
        {"a: 1e999\n", "t:1:4", "too large"},
        {"a: .inf\n", "t:1:4", "not a number that can be used"},
        {"a: \"x\\0y\"\n", "t:1:4", "NUL"},
        {"a:\n\t- b\n", "t:2:1", "cannot start any token"},
        {"a: b: c\n", "t:1:5", "mapping values are not allowed"},
        {"a: [1\n", "t:2:1", "not valid YAML"},
        {"a: \xff\n", "t", "not valid UTF-8"},
        {"a: \xed\xa0\x80\n", "t", "not valid UTF-8"},
        {"{\"a\": 1, \"a\": 2}", "t:1:10", "there twice"},
    };
    for (size_t i = 0; i < RV_COUNT(cases); i++) {
        struct rv_manifest *set = NULL;
        struct rv_error err = {0};
        enum rv_status status = rv_manifest_parse(&set, "t", rv_bytes_of(cases[i].yaml), &err);
        if (status != RV_INVALID || strcmp(err.where, cases[i].where) != 0 || strstr(err.message, cases[i].says) == NULL)
            fail_msg("%s: status %d, says \"%s: %s\"", cases[i].yaml, status, err.where, err.message);
        rv_manifest_destroy(set);
    }
}

static void bombs_are_refused(void **state)
{
    (void)state;
    struct rv_manifest *set = NULL;
    struct rv_error err;
    struct rv_buf text = {0};
    for (int i = 0; i < 40; i++)
        rv_buf_add_text(&text, "{a: ");
    assert_int_equal(rv_manifest_parse(&set, "t", rv_buf_bytes(&text), &err), RV_INVALID);
    assert_non_null(strstr(err.message, "32 levels"));
    rv_buf_clear(&text);
    for (int i = 0; i < RV_MANIFEST_MAX_DOCUMENTS + 1; i++)
        rv_buf_add_text(&text, "--- {a: 1}\n");
    assert_int_equal(rv_manifest_parse(&set, "t", rv_buf_bytes(&text), &err), RV_INVALID);
    assert_non_null(strstr(err.message, "10000 documents"));
    assert_int_equal(rv_manifest_count(set), RV_MANIFEST_MAX_DOCUMENTS);
    rv_buf_clear(&text);
    memset(rv_buf_reserve(&text, RV_MANIFEST_MAX_FILE + 1), '#', RV_MANIFEST_MAX_FILE + 1);
    text.len = RV_MANIFEST_MAX_FILE + 1;
    assert_int_equal(rv_manifest_parse(&set, "t", rv_buf_bytes(&text), &err), RV_INVALID);
    assert_non_null(strstr(err.message, "1024 KiB"));
    rv_buf_fini(&text);
    rv_manifest_destroy(set);
}

static const char shop[] = "# the shop\n"
                           "---\n"
                           "apiVersion: reeve/v1\n"
                           "kind: Certificate\n"
                           "metadata:\n"
                           "  name: shop\n"
                           "  labels: {a.b: c}\n"
                           "spec:\n"
                           "  dnsNames:\n"
                           "    - shop.example.com\n"
                           "    - a_b.example.com\n"
                           "  verify: {endpoints: [\"a:1\",\n"
                           "      {address: \"b:2\",\n"
                           "       serverName: x}]}\n"
                           "---\n"
                           "# nothing\n"
                           "---\n"
                           "kind: Certificate\n"
                           "metadata: {name: other}\n";

static void fields_have_lines(void **state)
{
    (void)state;
    struct rv_manifest *set = NULL;
    struct rv_error err;
    assert_int_equal(rv_manifest_parse(&set, "shop.yaml", rv_bytes_of(shop), &err), RV_OK);
    assert_int_equal(rv_manifest_count(set), 2);
    const struct rv_manifest_doc *doc = rv_manifest_find(set, "Certificate", "shop");
    static const struct {
        const char *path;
        int line;
    } cases[] = {
        {"", 3},
        {"kind", 4},
        {"metadata.labels.a.b", 7},
        {"spec", 8},
        {"spec.dnsNames", 9},
        {"spec.dnsNames[1]", 11},
        {"spec.dnsNames[7]", 9},
        {"spec.verify.endpoints[1]", 13},
        {"spec.verify.endpoints[1].serverName", 14},
        {"spec.verify.endpoints[1].port", 13},
        {"spec.privateKey.size", 8},
        {"nothing", 3},
    };
    assert_non_null(doc);
    for (size_t i = 0; i < RV_COUNT(cases); i++)
        if (rv_manifest_locate(doc, cases[i].path) != cases[i].line)
            fail_msg("%s: line %d, expected %d", cases[i].path, rv_manifest_locate(doc, cases[i].path), cases[i].line);
    assert_int_equal(rv_manifest_doc(set, 1)->line, 18);
    assert_null(rv_manifest_find(set, "Target", "shop"));

    struct rv_buf out = {0};
    rv_manifest_fault_text(set, "Certificate", "shop", "spec.dnsNames[1]", "wrong", &out);
    assert_string_equal(rv_buf_text(&out), "shop.yaml:11: spec.dnsNames[1]: wrong");
    rv_buf_clear(&out);
    rv_manifest_fault_text(set, NULL, NULL, "documents[1].spec", "is missing", &out);
    assert_string_equal(rv_buf_text(&out), "shop.yaml:18: spec: is missing");
    rv_buf_clear(&out);
    rv_manifest_fault_text(set, NULL, "", "documents[1]", "\x1b[31mred", &out);
    assert_string_equal(rv_buf_text(&out), "shop.yaml:18: \\x1b[31mred");
    rv_buf_clear(&out);
    rv_manifest_fault_text(set, "Target", "edge", "spec.address", "wrong", &out);
    assert_string_equal(rv_buf_text(&out), "Target edge: spec.address: wrong");
    rv_buf_clear(&out);
    rv_manifest_fault_text(set, NULL, NULL, "documents[99].spec", "wrong", &out);
    assert_string_equal(rv_buf_text(&out), "documents[99].spec: wrong");
    static const struct {
        const char *fault, *text;
    } faults[] = {
        {"{\"document\": 0, \"path\": \"spec.dnsNames[1]\", \"message\": \"wrong\"}",
         "shop.yaml:11: spec.dnsNames[1]: wrong"},
        {"{\"document\": 7, \"kind\": \"Certificate\", \"name\": \"other\", \"path\": \"spec\"}",
         "shop.yaml:18: spec: is not valid"},
        {"{}", "is not valid"},
    };
    for (size_t i = 0; i < RV_COUNT(faults); i++) {
        RV_AUTO(json) json_t *fault = NULL;
        assert_int_equal(rv_json_parse(rv_bytes_of(faults[i].fault), &fault, NULL), RV_OK);
        rv_buf_clear(&out);
        rv_manifest_fault_of(set, fault, &out);
        assert_string_equal(rv_buf_text(&out), faults[i].text);
    }
    rv_buf_fini(&out);
    rv_manifest_destroy(set);
}

static void a_set_is_checked(void **state)
{
    (void)state;
    static const char text[] = "apiVersion: reeve/v1\nkind: Issuer\nmetadata: {name: a}\n---\n"
                               "apiVersion: reeve/v1\nkind: Issuer\nmetadata: {name: a}\n---\n"
                               "apiVersion: reeve/v1\nkind: Issuer\nmetadata: {name: b}\nspec: {typ: builtin}\n";
    struct rv_manifest *set = NULL;
    struct rv_buf out = {0};
    assert_int_equal(rv_manifest_parse(&set, "i.yaml", rv_bytes_of(text), NULL), RV_OK);
    assert_int_equal(rv_manifest_check(set, &out), 2);
    assert_string_equal(rv_buf_text(&out), "i.yaml:7: metadata.name: Issuer a is declared twice: first at i.yaml:1\n"
                                           "i.yaml:12: spec.typ: unknown field: did you mean type?\n");
    rv_buf_fini(&out);
    rv_manifest_destroy(set);
}

static void json_is_accepted(void **state)
{
    (void)state;
    static const char pretty[] = "{\n\t\"kind\": \"Issuer\",\n\t\"metadata\": {\"name\": \"\\u00fc\\/x\"}\n}\n";
    static const char pair[] = "{\"kind\": \"\\ud83d\\ude00\"}";
    struct rv_manifest *set = NULL;
    struct rv_error err = {0};
    if (rv_manifest_parse(&set, "a.json", rv_bytes_of(pretty), &err) != RV_OK)
        fail_msg("%s: %s", err.where, err.message);
    assert_int_equal(rv_manifest_parse(&set, "b.json", rv_bytes_of(pair), &err), RV_OK);
    assert_int_equal(rv_manifest_count(set), 2);
    RV_AUTO(json) json_t *documents = rv_manifest_documents(set);
    assert_int_equal(json_array_size(documents), 2);
    assert_int_equal(rv_manifest_locate(rv_manifest_doc(set, 1), "metadata.name"), 1);
    rv_manifest_destroy(set);
}

static void write_to(const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void folders_are_read_in_order(void **state)
{
    (void)state;
    static const char *const names[] = {"b.yaml", "a.yml", "c.json", ".hidden.yaml", "notes.txt", "yaml"};
    char folder[] = "/tmp/reeve-manifest-XXXXXX";
    struct rv_manifest *set = NULL;
    struct rv_error err = {0};
    assert_non_null(mkdtemp(folder));
    assert_int_equal(rv_manifest_load(&set, folder, &err), RV_INVALID);
    assert_non_null(strstr(err.message, "has no *.yaml"));
    for (size_t i = 0; i < RV_COUNT(names); i++) {
        char text[64];
        snprintf(text, sizeof text, "{\"n\": \"%s\"}\n", names[i]);
        write_to(folder, names[i], text);
    }
    if (rv_manifest_load(&set, folder, &err) != RV_OK)
        fail_msg("%s: %s", err.where, err.message);
    assert_int_equal(rv_manifest_count(set), 3);
    static const char *const order[] = {"a.yml", "b.yaml", "c.json"};
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(rv_json_get_text(rv_manifest_doc(set, i)->json, "n", ""), order[i]);
        assert_non_null(strstr(rv_manifest_doc(set, i)->file, order[i]));
    }
    write_to(folder, "b.yaml", "a: [\n");
    assert_int_equal(rv_manifest_load(&set, folder, &err), RV_INVALID);
    assert_non_null(strstr(err.where, "b.yaml:2:1"));
    for (size_t i = 0; i < RV_COUNT(names); i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
    assert_int_equal(rv_manifest_load(&set, folder, &err), RV_NOT_FOUND);
    rv_manifest_destroy(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_follow_the_core_schema),
        cmocka_unit_test(what_is_refused_says_where),
        cmocka_unit_test(bombs_are_refused),
        cmocka_unit_test(fields_have_lines),
        cmocka_unit_test(a_set_is_checked),
        cmocka_unit_test(json_is_accepted),
        cmocka_unit_test(folders_are_read_in_order),
    };
    return cmocka_run_group_tests_name("conf/yaml", tests, NULL, NULL);
}

/* core/manifest: the example of the README, defaults, round trips, labels, built-in objects, and checks of sets. What each
 * kind of fault says is in tests/golden/manifest-faults.txt. */
#include "support/cmocka.h"

#include <string.h>

#include "core/manifest.h"
#include "core/nearest.h"

static struct rv_arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = rv_arena_create();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rv_arena_destroy(arena);
    return 0;
}

/* Text with ' for ", to keep the tables readable. */
static json_t *json_of(const char *text)
{
    char *copy = rv_arena_strdup(arena, text);
    for (char *c = copy; *c != '\0'; c++)
        if (*c == '\'')
            *c = '"';
    json_t *v = NULL;
    struct rv_error err;
    if (rv_json_parse(rv_bytes_of(copy), &v, &err) != RV_OK)
        fail_msg("%s: %s", err.message, copy);
    return v;
}

static struct rv_object *object_of(const char *text)
{
    RV_AUTO(json) json_t *document = json_of(text);
    struct rv_object *object = NULL;
    struct rv_fault *faults = NULL;
    if (rv_object_decode(document, arena, &object, &faults) != RV_OK)
        fail_msg("%s: %s", faults->path, faults->message);
    return object;
}

static const char edge[] = "{'apiVersion':'reeve/v1','kind':'Target','metadata':{'name':'edge-1','labels':{'role':'edge'}},"
                           "'spec':{'connector':'ssh','address':'127.0.0.1:2222','user':'deploy','hostKeys':["
                           "'SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'],'auth':{'keyFile':'/path/id'},'server':"
                           "{'kind':'nginx','certificateFile':'/p/tls/{certificate}.crt','privateKeyFile':"
                           "'/p/tls/{certificate}.key'},'endpoints':['127.0.0.1:8443']}}";
static const char shop[] = "{'apiVersion':'reeve/v1','kind':'Certificate','metadata':{'name':'shop','labels':{'env':'prod',"
                           "'az':'1'},'owner':'team-pay'},'spec':{'dnsNames':['Shop.example.com'],'renewBefore':'33%',"
                           "'deploy':{'targets':{'matchLabels':{'role':'edge'}},'strategy':{'batches':[1,'10%','100%'],"
                           "'soak':'10m','undo':'auto'}},'verify':{'endpoints':['shop.example.com:443',"
                           "{'address':'127.0.0.1:8443','serverName':'shop.example.com'}]},'mode':'Propose'}}";

static void a_certificate_is_decoded(void **state)
{
    (void)state;
    const struct rv_object *o = object_of(shop);
    const struct rv_certificate_spec *c = &o->certificate;
    assert_int_equal(o->kind, RV_KIND_CERTIFICATE);
    assert_string_equal(o->name, "shop");
    assert_string_equal(o->owner, "team-pay");
    assert_int_equal(o->labels.count, 2);
    assert_string_equal(o->labels.items[0].name, "az"); /* sorted */
    assert_string_equal(c->dns_names.items[0], "shop.example.com");
    assert_string_equal(c->profile, "tls-server");
    assert_string_equal(c->issuer, "internal");
    assert_null(c->common_name);
    assert_int_equal(c->key.algorithm, RV_KEY_ECDSA);
    assert_int_equal(c->key.size, 256);
    assert_int_equal(c->key.rotation, RV_ROTATE_ALWAYS);
    assert_int_equal(c->key.place, RV_KEY_ON_TARGET);
    assert_int_equal(c->duration, 0);
    assert_int_equal(c->renew.percent, 33);
    assert_int_equal(c->renew.before, 0);
    assert_true(c->has_deploy);
    assert_int_equal(c->target_names.count, 0);
    assert_int_equal(c->strategy.batch_count, 3);
    assert_int_equal(c->strategy.batches[0].count, 1);
    assert_int_equal(c->strategy.batches[1].percent, 10);
    assert_int_equal(c->strategy.soak, RV_MIN(10));
    assert_int_equal(c->strategy.max_failed, 1);
    assert_true(c->strategy.undo_auto);
    assert_int_equal(c->verify_endpoints.count, 2);
    assert_null(c->verify_endpoints.items[0].server_name);
    assert_true(c->verify_per_target);
    assert_int_equal(c->mode, RV_MODE_PROPOSE);
}

/* Text that lies on a terminal or a page is not taken in the first place (M-50). */
static void text_says_what_it_shows(void **state)
{
    (void)state;
    static const char *const owners[] = {"a\xe2\x80\xae"
                                         "b",
                                         "a\xc2\x9b"
                                         "2Jb",
                                         "a\xe2\x80\x8b"
                                         "b",
                                         "a\\u001bb", "a\\nb"};
    for (size_t i = 0; i < RV_COUNT(owners); i++) {
        char text[200];
        snprintf(text, sizeof text, "{'apiVersion':'reeve/v1','kind':'Profile','metadata':{'name':'p','owner':'%s'}}",
                 owners[i]);
        RV_AUTO(json) json_t *document = json_of(text);
        struct rv_object *object = NULL;
        struct rv_fault *faults = NULL;
        assert_int_equal(rv_object_decode(document, arena, &object, &faults), RV_INVALID);
        assert_string_equal(faults->path, "metadata.owner");
    }
    assert_string_equal(
        object_of("{'apiVersion':'reeve/v1','kind':'Profile','metadata':{'name':'p','owner':'\xc3\xa9quipe'}}")->owner,
        "\xc3\xa9quipe");
}

static void canonical_documents_are_stable(void **state)
{
    (void)state;
    const char *const texts[] = {shop, edge, "{'apiVersion':'reeve/v1','kind':'Issuer','metadata':{'name':'i'}}",
                                 "{'apiVersion':'reeve/v1','kind':'Profile','metadata':{'name':'p'}}"};
    for (size_t i = 0; i < RV_COUNT(texts); i++) {
        RV_AUTO(json) json_t *first = rv_object_encode(object_of(texts[i]));
        RV_AUTO(char) char *text = rv_json_text(first);
        RV_AUTO(json) json_t *second = rv_object_encode(object_of(text));
        assert_true(json_equal(first, second));
    }
}

/* A Profile without a spec is the built-in one under another name. */
static void defaults_are_the_built_in_profile(void **state)
{
    (void)state;
    RV_AUTO(json)
    json_t *declared =
        rv_object_encode(object_of("{'apiVersion':'reeve/v1','kind':'Profile','metadata':{'name':'tls-server'}}"));
    const struct rv_object *builtin = rv_builtin_object(RV_KIND_PROFILE, "tls-server");
    assert_non_null(builtin);
    RV_AUTO(json) json_t *encoded = rv_object_encode(builtin);
    assert_true(json_equal(declared, encoded));
    assert_non_null(rv_builtin_object(RV_KIND_ISSUER, "internal"));
    assert_null(rv_builtin_object(RV_KIND_ISSUER, "tls-server"));
    assert_null(rv_builtin_object(RV_KIND_CERTIFICATE, "internal"));
}

static void a_profile_refuses_keys_it_does_not_name(void **state)
{
    (void)state;
    const struct rv_object *o = object_of("{'apiVersion':'reeve/v1','kind':'Profile','metadata':{'name':'p'},'spec':{'keys':"
                                          "{'ecdsa':['P-384']},'usages':['client auth']}}");
    assert_false(o->profile.keys.ecdsa_p256);
    assert_true(o->profile.keys.ecdsa_p384);
    assert_false(o->profile.keys.ed25519);
    assert_int_equal(o->profile.keys.rsa_max, 0);
    assert_false(o->profile.server_auth);
    assert_true(o->profile.client_auth);
}

static void documents_that_the_service_showed_are_accepted(void **state)
{
    (void)state;
    object_of("{'apiVersion':'reeve/v1','kind':'Issuer','metadata':{'name':'i'},'spec':{'type':'builtin'},'generation':3,"
              "'createdAt':'2026-11-23T14:00:00Z','updatedAt':'2026-11-23T14:00:00Z'}");
}

static void faults_are_bounded(void **state)
{
    (void)state;
    RV_AUTO(json) json_t *document = json_of(shop);
    json_t *names = json_array();
    for (int i = 0; i < 100; i++)
        json_array_append_new(names, json_string("a_b"));
    json_object_set_new(json_object_get(document, "spec"), "dnsNames", names);
    struct rv_object *object = NULL;
    struct rv_fault *faults = NULL;
    int count = 0;
    assert_int_equal(rv_object_decode(document, arena, &object, &faults), RV_INVALID);
    assert_null(object);
    for (; faults != NULL; faults = faults->next)
        count++;
    assert_int_equal(count, 50);
}

static void labels_select(void **state)
{
    (void)state;
    struct rv_label a[] = {{"env", "prod"}, {"role", "edge"}, {"zone", "1"}}, b[] = {{"role", "edge"}},
                    c[] = {{"role", "core"}}, d[] = {{"env", "prod"}, {"zone", "1"}};
    const struct rv_labels labels = {3, a};
    assert_true(rv_labels_match(&(struct rv_labels){0, NULL}, &labels));
    assert_true(rv_labels_match(&(struct rv_labels){1, b}, &labels));
    assert_true(rv_labels_match(&(struct rv_labels){2, d}, &labels));
    assert_false(rv_labels_match(&(struct rv_labels){1, c}, &labels));
    assert_false(rv_labels_match(&labels, &(struct rv_labels){1, b}));
    assert_false(rv_labels_match(&(struct rv_labels){1, b}, &(struct rv_labels){0, NULL}));
}

static void kinds_are_known_by_their_names(void **state)
{
    (void)state;
    for (int k = 0; k < RV_KIND_COUNT; k++) {
        enum rv_kind kind = RV_KIND_COUNT;
        assert_true(rv_kind_parse(rv_kind_name((enum rv_kind)k), &kind));
        assert_int_equal(kind, k);
        assert_true(rv_kind_parse(rv_kind_plural((enum rv_kind)k), &kind));
        assert_int_equal(kind, k);
    }
    enum rv_kind kind;
    assert_true(rv_kind_parse("certificate", &kind));
    assert_false(rv_kind_parse("cert", &kind));
    assert_false(rv_kind_parse("", &kind));
}

static void near_words_are_found(void **state)
{
    (void)state;
    assert_int_equal(rv_edit_distance("dnsNames", "dnsnames"), 0);
    assert_int_equal(rv_edit_distance("dnsName", "dnsNames"), 1);
    assert_int_equal(rv_edit_distance("modes", "modse"), 1);
    assert_int_equal(rv_edit_distance("", "abc"), 3);
    assert_int_equal(rv_edit_distance("kitten", "sitting"), 3);
    struct rv_nearest nearest = {.word = "dnsName"};
    rv_nearest_offer(&nearest, "uris");
    assert_null(nearest.best);
    rv_nearest_offer(&nearest, "dnsNames");
    rv_nearest_offer(&nearest, "dns");
    assert_string_equal(nearest.best, "dnsNames");
}

/* ---- sets ---- */

struct world { /* what is stored outside the set */
    struct rv_object *objects[8];
    size_t count;
    int certificate_visits;
};

static const struct rv_object *look_up(void *ctx, enum rv_kind kind, const char *name)
{
    const struct world *w = ctx;
    for (size_t i = 0; i < w->count; i++)
        if (w->objects[i]->kind == kind && strcmp(w->objects[i]->name, name) == 0)
            return w->objects[i];
    return NULL;
}

static void each_of(void *ctx, enum rv_kind kind, void (*visit)(void *arg, const struct rv_object *), void *arg)
{
    struct world *w = ctx;
    w->certificate_visits += kind == RV_KIND_CERTIFICATE;
    for (size_t i = 0; i < w->count; i++)
        if (w->objects[i]->kind == kind)
            visit(arg, w->objects[i]);
}

static const char fixed[] = "{'apiVersion':'reeve/v1','kind':'Target','metadata':{'name':'edge-2','labels':{'role':'edge'}},"
                            "'spec':{'connector':'local','server':{'kind':'nginx','certificateFile':'/p/a.crt',"
                            "'privateKeyFile':'/p/a.key'},'endpoints':['127.0.0.1:9443']}}";

static struct rv_object *named(const char *text, const char *name)
{
    struct rv_object *o = object_of(text);
    o->name = name;
    return o;
}

static void objects_outside_the_set_count(void **state)
{
    (void)state;
    struct world w = {.objects = {object_of(edge)}, .count = 1};
    const struct rv_object *set[] = {object_of(shop)};
    struct rv_set_fault *faults = NULL;
    assert_int_equal(rv_objects_check(set, 1, look_up, each_of, &w, arena, &faults), RV_OK);
    assert_int_equal(w.certificate_visits, 0); /* {certificate} in its files: nobody can clash, so nobody is read */
    w.count = 0;
    assert_int_equal(rv_objects_check(set, 1, look_up, each_of, &w, arena, &faults), RV_INVALID);
    assert_string_equal(faults->fault.path, "spec.deploy.targets.matchLabels");
    assert_ptr_equal(faults->object, set[0]);
}

static void two_certificates_do_not_share_files(void **state)
{
    (void)state;
    struct rv_set_fault *faults = NULL;
    const struct rv_object *both[] = {object_of(shop), object_of(fixed), named(shop, "other")};
    assert_int_equal(rv_objects_check(both, 3, NULL, NULL, NULL, arena, &faults), RV_INVALID);
    assert_string_equal(faults->fault.path, "spec.deploy.targets");
    assert_non_null(strstr(faults->fault.message, "both go to /p/a.crt of target edge-2"));
    assert_null(faults->next);

    struct world w = {.objects = {object_of(shop), object_of(fixed)}, .count = 2};
    const struct rv_object *second[] = {named(shop, "other")};
    assert_int_equal(rv_objects_check(second, 1, look_up, each_of, &w, arena, &faults), RV_INVALID);
    assert_ptr_equal(faults->object, second[0]);

    const struct rv_object *same[] = {object_of(shop)}; /* replaces the stored one: no clash with itself */
    assert_int_equal(rv_objects_check(same, 1, look_up, each_of, &w, arena, &faults), RV_OK);

    struct world certificates = {.objects = {object_of(shop), named(shop, "other"), object_of(edge)}, .count = 3};
    const struct rv_object *target[] = {object_of(fixed)}; /* a target that makes two stored certificates clash */
    assert_int_equal(rv_objects_check(target, 1, look_up, each_of, &certificates, arena, &faults), RV_INVALID);
    assert_ptr_equal(faults->object, target[0]);
    assert_string_equal(faults->fault.path, "spec.server.certificateFile");
}

static void every_target_can_be_proved(void **state)
{
    (void)state;
    struct rv_set_fault *faults = NULL;
    struct rv_object *certificate = object_of(shop), *a = object_of(edge), *b = named(edge, "edge-3");
    const struct rv_object *one[] = {certificate, a}, *two[] = {certificate, a, b};
    a->target.endpoints.count = 0;
    assert_int_equal(rv_objects_check(one, 2, NULL, NULL, NULL, arena, &faults), RV_OK);
    assert_int_equal(rv_objects_check(two, 3, NULL, NULL, NULL, arena, &faults), RV_INVALID);
    assert_string_equal(faults->fault.path, "spec.deploy.targets");
    certificate->certificate.verify_endpoints.count = 0;
    assert_int_equal(rv_objects_check(one, 2, NULL, NULL, NULL, arena, &faults), RV_INVALID);
    assert_string_equal(faults->fault.path, "spec.verify.endpoints");
}

static void one_name_for_several_targets_proves_none(void **state)
{
    (void)state;
    struct rv_set_fault *faults = NULL;
    struct rv_object *certificate = object_of(shop), *a = object_of(edge), *b = named(edge, "edge-3");
    const struct rv_object *one[] = {certificate, a}, *two[] = {certificate, a, b};
    certificate->certificate.verify_per_target = false;
    assert_int_equal(rv_objects_check(one, 2, NULL, NULL, NULL, arena, &faults), RV_OK);
    assert_int_equal(rv_objects_check(two, 3, NULL, NULL, NULL, arena, &faults), RV_INVALID);
    assert_string_equal(faults->fault.path, "spec.verify.perTarget");
    assert_non_null(strstr(faults->fault.message, "2 targets behind one name"));
    assert_null(faults->next);
    /* The second target comes later: it is the one that cannot be had. */
    struct world w = {.objects = {certificate, a}, .count = 2};
    const struct rv_object *later[] = {b};
    assert_int_equal(rv_objects_check(later, 1, look_up, each_of, &w, arena, &faults), RV_INVALID);
    assert_ptr_equal(faults->object, b);
    assert_non_null(strstr(faults->fault.message, "perTarget: false"));
    assert_null(faults->next);
    certificate->certificate.verify_per_target = true;
    assert_int_equal(rv_objects_check(later, 1, look_up, each_of, &w, arena, &faults), RV_OK);
    b->target.endpoints.count = 0;
    assert_int_equal(rv_objects_check(later, 1, look_up, each_of, &w, arena, &faults), RV_INVALID);
    assert_string_equal(faults->fault.path, "spec.endpoints");
    assert_null(faults->next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_is_decoded),
        cmocka_unit_test(text_says_what_it_shows),
        cmocka_unit_test(canonical_documents_are_stable),
        cmocka_unit_test(defaults_are_the_built_in_profile),
        cmocka_unit_test(a_profile_refuses_keys_it_does_not_name),
        cmocka_unit_test(documents_that_the_service_showed_are_accepted),
        cmocka_unit_test(faults_are_bounded),
        cmocka_unit_test(labels_select),
        cmocka_unit_test(kinds_are_known_by_their_names),
        cmocka_unit_test(near_words_are_found),
        cmocka_unit_test(objects_outside_the_set_count),
        cmocka_unit_test(two_certificates_do_not_share_files),
        cmocka_unit_test(every_target_can_be_proved),
        cmocka_unit_test(one_name_for_several_targets_proves_none),
    };
    return cmocka_run_group_tests_name("core/manifest", tests, setup, teardown);
}

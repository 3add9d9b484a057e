/* Certificates, issuers, access, answers, named values. */
#include "store_contract.h"

static struct rv_cert_row some_cert(const char *serial, const char *key)
{
    struct rv_cert_row row = {.issuer = "internal",
                              .profile = "tls-server",
                              .actor = "engine",
                              .binding = 4,
                              .renew_request = 2,
                              .spec = hash_of(1),
                              .spki = hash_of(2),
                              .not_before = 10,
                              .not_after = 90,
                              .reserved_at = 5,
                              .subject = "CN=shop",
                              .names = "[\"dns:shop\"]",
                              .tbs = RV_BYTES("to be signed", 12)};
    strncat(row.serial, serial, sizeof row.serial - 1);
    strncat(row.idempotency_key, key, sizeof row.idempotency_key - 1);
    return row;
}

static enum rv_status certificates_are_written_ahead(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    struct rv_cert_row put = some_cert("0a1b", "key-1"), got;
    int64_t id = 0;
    EXPECT_OK(rv_cert_reserve(tx, &put, &id, err));
    EXPECT(id > 0);
    EXPECT_OK(rv_cert_by_key(tx, "internal", "key-1", &got, err));
    EXPECT(got.id == id && got.state == RV_CERT_INTENT && got.issued_at == 0 && got.der.len == 0);
    EXPECT(rv_bytes_equal(got.tbs, put.tbs) && strcmp(got.names, put.names) == 0);
    EXPECT(strcmp(got.issuer, "internal") == 0 && strcmp(got.profile, "tls-server") == 0 && strcmp(got.serial, "0a1b") == 0);
    EXPECT(strcmp(got.actor, "engine") == 0 && got.binding == 4 && got.renew_request == 2 && got.reserved_at == 5);
    EXPECT(got.not_before == 10 && got.not_after == 90 && strcmp(got.subject, "CN=shop") == 0 && got.revoked_at == 0);
    EXPECT(rv_hash_equal(&got.spec, &put.spec) && rv_hash_equal(&got.spki, &put.spki) && rv_hash_is_zero(&got.fingerprint));
    rv_cert_row_fini(&got);
    struct rv_hash fingerprint = hash_of(7), other = hash_of(8);
    EXPECT_STATUS(RV_NOT_FOUND, rv_cert_by_fingerprint(tx, &fingerprint, &got, err));
    EXPECT_OK(rv_cert_store(tx, id, rv_bytes_of("signed"), &fingerprint, 6, err));
    EXPECT_OK(rv_cert_store(tx, id, rv_bytes_of("signed"), &fingerprint, 7, err)); /* again: the same */
    EXPECT_STATUS(RV_CONFLICT, rv_cert_store(tx, id, rv_bytes_of("another"), &other, 7, err));
    EXPECT_STATUS(RV_CONFLICT, rv_cert_abandon(tx, id, err));
    EXPECT_OK(rv_cert_by_fingerprint(tx, &fingerprint, &got, err));
    EXPECT(got.id == id && got.state == RV_CERT_ISSUED && got.issued_at == 6 &&
           rv_bytes_equal(got.der, rv_bytes_of("signed")));
    rv_cert_row_fini(&got);
    EXPECT_OK(rv_cert_by_serial(tx, "internal", "0a1b", &got, err));
    EXPECT(got.id == id);
    rv_cert_row_fini(&got);
    EXPECT_OK(rv_cert_by_id(tx, id, &got, err));
    rv_cert_row_fini(&got);
    EXPECT_STATUS(RV_NOT_FOUND, rv_cert_by_id(tx, id + 1, &got, err));
    EXPECT_STATUS(RV_NOT_FOUND, rv_cert_by_key(tx, "internal", "key-2", &got, err));
    EXPECT_STATUS(RV_NOT_FOUND, rv_cert_by_serial(tx, "elsewhere", "0a1b", &got, err));
    EXPECT_STATUS(RV_NOT_FOUND, rv_cert_store(tx, id + 1, rv_bytes_of("x"), &other, 7, err));
    EXPECT_STATUS(RV_NOT_FOUND, rv_cert_abandon(tx, id + 1, err));
    return RV_OK;
}

static enum rv_status serials_are_used_once_for_ever(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    int64_t id = 0, other = 0;
    struct rv_cert_row first = some_cert("01", "key-1"), same_serial = some_cert("01", "key-2"),
                       same_key = some_cert("02", "key-1"), elsewhere = some_cert("01", "key-1"), got;
    EXPECT_OK(rv_cert_reserve(tx, &first, &id, err));
    EXPECT_STATUS(RV_CONFLICT, rv_cert_reserve(tx, &same_serial, &other, err));
    EXPECT_STATUS(RV_CONFLICT, rv_cert_reserve(tx, &same_key, &other, err));
    EXPECT_OK(rv_cert_abandon(tx, id, err));
    EXPECT_OK(rv_cert_abandon(tx, id, err));
    EXPECT_STATUS(RV_CONFLICT, rv_cert_reserve(tx, &same_serial, &other, err));
    struct rv_hash fingerprint = hash_of(3);
    EXPECT_STATUS(RV_CONFLICT, rv_cert_store(tx, id, rv_bytes_of("late"), &fingerprint, 7, err));
    EXPECT_OK(rv_cert_by_id(tx, id, &got, err));
    EXPECT(got.state == RV_CERT_ABANDONED && got.tbs.len == 12); /* what may have been signed stays known */
    rv_cert_row_fini(&got);
    /* Another issuer has serials and keys of its own. */
    memcpy(elsewhere.issuer, "other", sizeof "other");
    EXPECT_OK(rv_cert_reserve(tx, &elsewhere, &other, err));
    /* Without a key there is nothing to clash with. */
    struct rv_cert_row a = some_cert("03", ""), b = some_cert("04", ""), none = some_cert("", "k"),
                       empty = some_cert("05", "k");
    EXPECT_OK(rv_cert_reserve(tx, &a, &other, err));
    EXPECT_OK(rv_cert_reserve(tx, &b, &other, err));
    empty.tbs = RV_BYTES(NULL, 0);
    EXPECT_STATUS(RV_INVALID, rv_cert_reserve(tx, &none, &other, err));
    EXPECT_STATUS(RV_INVALID, rv_cert_reserve(tx, &empty, &other, err));
    return RV_OK;
}

struct serials {
    int count;
    int64_t last;
    char text[128];
};
static bool keep_serial(void *arg, const struct rv_cert_row *row)
{
    struct serials *s = arg;
    strncat(s->text, row->serial, sizeof s->text - strlen(s->text) - 1);
    s->last = row->id;
    s->count++;
    return true;
}

static enum rv_status certificates_are_listed_newest_first(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    int64_t ids[5];
    for (int i = 0; i < 5; i++) {
        char serial[8];
        snprintf(serial, sizeof serial, "%d", i);
        struct rv_cert_row row = some_cert(serial, "");
        if (i == 2)
            row.issuer[0] = 'X';
        EXPECT_OK(rv_cert_reserve(tx, &row, &ids[i], err));
        struct rv_hash fingerprint = hash_of(i);
        if (i % 2 == 0)
            EXPECT_OK(rv_cert_store(tx, ids[i], rv_bytes_of("der"), &fingerprint, 9, err));
    }
    struct serials all = {0}, ours = {0}, page = {0}, rest = {0}, open = {0};
    EXPECT_OK(rv_cert_each(tx, NULL, 0, 0, keep_serial, &all, err));
    EXPECT(strcmp(all.text, "43210") == 0);
    EXPECT_OK(rv_cert_each(tx, "internal", 0, 0, keep_serial, &ours, err));
    EXPECT(strcmp(ours.text, "4310") == 0);
    EXPECT_OK(rv_cert_each(tx, "internal", 0, 2, keep_serial, &page, err));
    EXPECT(strcmp(page.text, "43") == 0);
    EXPECT_OK(rv_cert_each(tx, "internal", page.last, 2, keep_serial, &rest, err));
    EXPECT(strcmp(rest.text, "10") == 0);
    EXPECT_OK(rv_cert_each_intent(tx, keep_serial, &open, err));
    EXPECT(strcmp(open.text, "13") == 0);
    return RV_OK;
}

static enum rv_status issuers_are_kept(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    struct rv_issuer_row got, put = {.name = "internal", .spki = hash_of(1), .chain_pem = (char *)"PEM 1", .created_at = 7};
    EXPECT_STATUS(RV_NOT_FOUND, rv_issuer_get(tx, "internal", &got, err));
    EXPECT_OK(rv_issuer_put(tx, &put, err));
    put.chain_pem = (char *)"PEM 2";
    EXPECT_OK(rv_issuer_put(tx, &put, err));
    EXPECT_OK(rv_issuer_get(tx, "internal", &got, err));
    EXPECT(strcmp(got.chain_pem, "PEM 2") == 0 && rv_hash_equal(&got.spki, &put.spki) && got.created_at == 7);
    rv_free(got.chain_pem);
    return RV_OK;
}

static bool keep_access(void *arg, const struct rv_access_row *row)
{
    struct serials *s = arg;
    strncat(s->text, row->id, sizeof s->text - strlen(s->text) - 1);
    return true;
}

static enum rv_status access_is_revoked_once(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    struct rv_access_row got, put = {.kind = RV_ACCESS_LINK,
                                     .id = "a",
                                     .name = "anna",
                                     .role = "admin",
                                     .secret = hash_of(1),
                                     .csrf = hash_of(2),
                                     .created_at = 10,
                                     .expires_at = 99};
    EXPECT_STATUS(RV_NOT_FOUND, rv_access_get(tx, RV_ACCESS_LINK, "a", &got, err));
    EXPECT_OK(rv_access_add(tx, &put, err));
    EXPECT_STATUS(RV_CONFLICT, rv_access_add(tx, &put, err));
    EXPECT_OK(rv_access_get(tx, RV_ACCESS_LINK, "a", &got, err));
    EXPECT(memcmp(&got.secret, &put.secret, sizeof got.secret) == 0 && rv_hash_equal(&got.csrf, &put.csrf));
    EXPECT(strcmp(got.name, "anna") == 0 && strcmp(got.role, "admin") == 0 && got.created_at == 10 && got.expires_at == 99);
    EXPECT(got.used_at == 0 && got.revoked_at == 0 && got.kind == RV_ACCESS_LINK);
    EXPECT_STATUS(RV_NOT_FOUND, rv_access_get(tx, RV_ACCESS_TOKEN, "a", &got, err));
    EXPECT_OK(rv_access_used(tx, RV_ACCESS_LINK, "a", 20, err));
    EXPECT_OK(rv_access_revoke(tx, RV_ACCESS_LINK, "a", 30, err));
    EXPECT_STATUS(RV_CONFLICT, rv_access_revoke(tx, RV_ACCESS_LINK, "a", 40, err));
    EXPECT_STATUS(RV_NOT_FOUND, rv_access_revoke(tx, RV_ACCESS_LINK, "b", 40, err));
    EXPECT_STATUS(RV_NOT_FOUND, rv_access_used(tx, RV_ACCESS_LINK, "b", 40, err));
    EXPECT_OK(rv_access_get(tx, RV_ACCESS_LINK, "a", &got, err));
    EXPECT(got.used_at == 20 && got.revoked_at == 30);
    struct rv_access_row no_secret = {.kind = RV_ACCESS_TOKEN, .id = "n"};
    EXPECT_STATUS(RV_INVALID, rv_access_add(tx, &no_secret, err));
    /* Sessions that ended long ago are forgotten, tokens are not. */
    struct rv_access_row token = put, session = put, later = put;
    token.kind = RV_ACCESS_TOKEN;
    session.kind = later.kind = RV_ACCESS_SESSION;
    later.id[0] = 'z';
    later.created_at = RV_DAY(3);
    later.expires_at = RV_DAY(4);
    EXPECT_OK(rv_access_add(tx, &token, err));
    EXPECT_OK(rv_access_add(tx, &session, err));
    EXPECT_OK(rv_access_add(tx, &later, err));
    struct serials tokens = {0}, sessions = {0};
    EXPECT_OK(rv_access_each(tx, RV_ACCESS_TOKEN, keep_access, &tokens, err));
    EXPECT_OK(rv_access_each(tx, RV_ACCESS_SESSION, keep_access, &sessions, err));
    EXPECT(strcmp(tokens.text, "a") == 0 && strcmp(sessions.text, "z") == 0);
    return RV_OK;
}

static enum rv_status answers_are_given_again(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    struct rv_hash request = hash_of(4), got;
    int status = 0;
    char *body = NULL;
    EXPECT_STATUS(RV_NOT_FOUND, rv_answer_get(tx, "anna", "k", &got, &status, &body, err));
    EXPECT_OK(rv_answer_put(tx, "anna", "k", &request, 201, "{\"a\":1}", RV_DAY(1), err));
    EXPECT_STATUS(RV_CONFLICT, rv_answer_put(tx, "anna", "k", &request, 201, "{}", RV_DAY(1), err));
    EXPECT_OK(rv_answer_put(tx, "bert", "k", &request, 200, "", RV_DAY(1), err));
    EXPECT_OK(rv_answer_get(tx, "anna", "k", &got, &status, &body, err));
    bool same = status == 201 && strcmp(body, "{\"a\":1}") == 0 && rv_hash_equal(&got, &request);
    rv_free(body);
    EXPECT(same);
    EXPECT_OK(rv_answer_put(tx, "anna", "k2", &request, 200, "", RV_DAY(3), err));
    EXPECT_STATUS(RV_NOT_FOUND, rv_answer_get(tx, "anna", "k", &got, &status, &body, err)); /* a day is over */
    return RV_OK;
}

static enum rv_status named_values(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    char *value = NULL;
    EXPECT_STATUS(RV_NOT_FOUND, rv_meta_get(tx, "instance", &value, err));
    EXPECT_OK(rv_meta_set(tx, "instance", "a", err));
    EXPECT_OK(rv_meta_set(tx, "instance", "'; DROP TABLE meta; --", err));
    EXPECT_OK(rv_meta_get(tx, "instance", &value, err));
    bool same = strcmp(value, "'; DROP TABLE meta; --") == 0;
    rv_free(value);
    EXPECT(same);
    return RV_OK;
}

const struct store_spec store_record_specs[] = {
    {"certificates are written ahead", .inside = certificates_are_written_ahead},
    {"serials are used once for ever", .inside = serials_are_used_once_for_ever},
    {"certificates are listed newest first", .inside = certificates_are_listed_newest_first},
    {"issuers are kept", .inside = issuers_are_kept},
    {"access is revoked once", .inside = access_is_revoked_once},
    {"answers are given again", .inside = answers_are_given_again},
    {"named values", .inside = named_values},
    {.name = NULL},
};

/* Endpoints of a binding and what was last seen there, and the inventory of seen certificates. */
#include <string.h>

#include "port/store_binding.h"
#include "store/store_priv.h"

_Static_assert(RV_PROBE_SERVED == 0 && RV_PROBE_REFUSED == 1 && RV_PROBE_TIMEOUT == 2 && RV_PROBE_NO_TLS == 3 &&
                   RV_PROBE_NO_ADDRESS == 4,
               "stored as numbers");
enum { CHAIN_MAX = 16, DER_MAX = 65536 };

#define ROW(member) RV_FIELD(struct rv_endpoint_row, member)
#define COLUMNS                                                                                                             \
    "id, binding, address, server_name, observed_at, outcome, fingerprint, chain_valid, name_valid, time_valid,"            \
    " not_before, not_after, subject, issuer, serial, protocol, cipher, \"group\", fault"
static const struct rv_field fields[] = {
    ROW(id),          ROW(binding),    ROW(address),    ROW(server_name), ROW(observed_at), ROW(outcome), ROW(fingerprint),
    ROW(chain_valid), ROW(name_valid), ROW(time_valid), ROW(not_before),  ROW(not_after),   ROW(subject), ROW(issuer),
    ROW(serial),      ROW(protocol),   ROW(cipher),     ROW(group),       ROW(fault),
};
#define SEEN(member) RV_FIELD(struct rv_probe_result, member)
static const struct rv_field seen[] = {
    SEEN(at),         SEEN(outcome),    SEEN(fingerprint), SEEN(chain_valid), SEEN(name_valid),
    SEEN(time_valid), SEEN(not_before), SEEN(not_after),   SEEN(subject),     SEEN(issuer),
    SEEN(serial),     SEEN(protocol),   SEEN(cipher),      SEEN(group),       SEEN(fault),
};

static enum rv_status put_one(struct rv_tx *tx, int64_t binding, int64_t place, const struct rv_endpoint_spec *item,
                              struct rv_error *err)
{
    struct rv_query q = rv_query(tx,
                                 "INSERT INTO endpoint (binding, place, address, server_name) VALUES ($1, $2, $3, $4)"
                                 " ON CONFLICT (binding, address, server_name) DO UPDATE SET place=excluded.place",
                                 err);
    rv_bind_int(&q, binding);
    rv_bind_int(&q, place);
    rv_bind_text(&q, item->address);
    rv_bind_text(&q, item->server_name == NULL ? "" : item->server_name);
    enum rv_status status = rv_query_run(&q, NULL);
    return status == RV_NOT_FOUND ? rv_fail(err, status, "there is no binding %lld", (long long)binding) : status;
}

enum rv_status rv_endpoint_set(struct rv_tx *tx, int64_t binding, const struct rv_endpoint_spec *items, size_t count,
                               struct rv_error *err)
{
    /* What is there goes out of the way (negative places), what is listed gets its place, the rest leaves. */
    struct rv_query away = rv_query(tx, "UPDATE endpoint SET place=-1-place WHERE binding=$1 AND place>=0", err);
    rv_bind_int(&away, binding);
    enum rv_status status = rv_query_run(&away, NULL);
    for (size_t i = 0; i < count && status == RV_OK; i++)
        status = put_one(tx, binding, (int64_t)i, &items[i], err);
    if (status != RV_OK)
        return status;
    struct rv_query gone = rv_query(tx, "DELETE FROM endpoint WHERE binding=$1 AND place<0", err);
    rv_bind_int(&gone, binding);
    return rv_query_run(&gone, NULL);
}

/* Cuts the first DER element off: only its outermost tag and length are read. */
static bool next_certificate(struct rv_cursor *c, struct rv_bytes *ret)
{
    const uint8_t *start = c->at;
    if (rv_cursor_be(c, 1) != 0x30)
        return false;
    uint64_t length = rv_cursor_be(c, 1);
    if (length >= 0x80)
        length = length > 0x80 && length <= 0x84 ? rv_cursor_be(c, (unsigned)(length - 0x80)) : UINT64_MAX;
    if (c->failed || length > DER_MAX)
        return false;
    rv_cursor_take(c, (size_t)length);
    *ret = RV_BYTES(start, (size_t)(c->at - start));
    return !c->failed;
}

static enum rv_status remember(struct rv_tx *tx, struct rv_bytes der, rv_time at, struct rv_error *err)
{
    struct rv_hash fingerprint;
    tx->store->digest(der, &fingerprint);
    struct rv_query q = rv_query(tx,
                                 "INSERT INTO seen_certificate (fingerprint, der, first_seen_at) VALUES ($1, $2, $3)"
                                 " ON CONFLICT (fingerprint) DO NOTHING",
                                 err);
    rv_bind_hash(&q, &fingerprint);
    rv_bind_bytes(&q, der);
    rv_bind_int(&q, at);
    return rv_query_run(&q, NULL);
}

enum rv_status rv_endpoint_observe(struct rv_tx *tx, int64_t endpoint, const struct rv_probe_result *result,
                                   struct rv_error *err)
{
    struct rv_query q = rv_query(tx,
                                 "UPDATE endpoint SET observed_at=$1, outcome=$2, fingerprint=$3, chain_valid=$4,"
                                 " name_valid=$5, time_valid=$6, not_before=$7, not_after=$8, subject=$9, issuer=$10,"
                                 " serial=$11, protocol=$12, cipher=$13, \"group\"=$14, fault=$15 WHERE id=$16",
                                 err);
    rv_bind_fields(&q, seen, RV_COUNT(seen), result);
    rv_bind_int(&q, endpoint);
    int64_t changed = 0;
    enum rv_status status = rv_query_run(&q, &changed);
    if (status == RV_OK && changed == 0)
        return rv_fail(err, RV_NOT_FOUND, "there is no endpoint %lld", (long long)endpoint);
    struct rv_cursor c = rv_cursor_of(result->chain);
    struct rv_bytes der;
    /* A chain comes from the other side: what is not DER any more ends the list and is not kept. */
    for (int i = 0; i < CHAIN_MAX && status == RV_OK && c.at != c.end && next_certificate(&c, &der); i++)
        status = remember(tx, der, result->at, err);
    return status;
}

enum rv_status rv_endpoint_each(struct rv_tx *tx, int64_t binding,
                                bool (*visit)(void *arg, const struct rv_endpoint_row *row), void *arg, struct rv_error *err)
{
    struct rv_query q = rv_query(tx, "SELECT " COLUMNS " FROM endpoint WHERE binding=$1 ORDER BY place", err);
    rv_bind_int(&q, binding);
    while (rv_query_next(&q)) {
        struct rv_endpoint_row row = {0};
        rv_take_fields(&q, fields, RV_COUNT(fields), &row);
        if (!visit(arg, &row))
            break;
    }
    return rv_query_end(&q);
}

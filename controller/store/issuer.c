/* An issuer's CA certificates. */
#include <string.h>

#include "port/store_certificate.h"
#include "store/driver.h"

enum rv_status rv_issuer_put(struct rv_tx *tx, const struct rv_issuer_row *row, struct rv_error *err)
{
    struct rv_query q = rv_query(tx,
                                 "INSERT INTO issuer (name, spki, chain_pem, created_at) VALUES ($1, $2, $3, $4)"
                                 " ON CONFLICT (name) DO UPDATE SET spki=excluded.spki, chain_pem=excluded.chain_pem,"
                                 " created_at=excluded.created_at",
                                 err);
    rv_bind_text(&q, row->name);
    rv_bind_hash(&q, &row->spki);
    rv_bind_text(&q, row->chain_pem);
    rv_bind_int(&q, row->created_at);
    return rv_query_run(&q, NULL);
}

enum rv_status rv_issuer_get(struct rv_tx *tx, const char *name, struct rv_issuer_row *ret, struct rv_error *err)
{
    struct rv_query q = rv_query(tx, "SELECT name, spki, chain_pem, created_at FROM issuer WHERE name=$1", err);
    rv_bind_text(&q, name);
    enum rv_status status;
    if (!rv_query_one(&q, &status))
        return status == RV_NOT_FOUND ? rv_fail(err, status, "the issuer \"%s\" has no CA certificate yet", name) : status;
    struct rv_issuer_row row = {0};
    rv_take_text_into(&q, row.name, sizeof row.name);
    rv_take_hash(&q, &row.spki);
    row.chain_pem = rv_strdup(rv_take_text(&q));
    row.created_at = rv_take_int(&q);
    *ret = row;
    return rv_query_end(&q);
}

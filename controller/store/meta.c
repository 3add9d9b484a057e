/* Small named values. */
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "port/store_access.h"
#include "store/driver.h"

enum rv_status rv_meta_get(struct rv_tx *tx, const char *name, char **ret, struct rv_error *err)
{
    struct rv_query q = rv_query(tx, "SELECT value FROM meta WHERE name=$1", err);
    rv_bind_text(&q, name);
    enum rv_status status;
    if (!rv_query_one(&q, &status))
        return status == RV_NOT_FOUND ? rv_fail(err, status, "the store has no value \"%s\"", name) : status;
    *ret = rv_strdup(rv_take_text(&q));
    return rv_query_end(&q);
}

enum rv_status rv_meta_set(struct rv_tx *tx, const char *name, const char *value, struct rv_error *err)
{
    struct rv_query q = rv_query(tx,
                                 "INSERT INTO meta (name, value) VALUES ($1, $2)"
                                 " ON CONFLICT (name) DO UPDATE SET value=excluded.value",
                                 err);
    rv_bind_text(&q, name);
    rv_bind_text(&q, value);
    return rv_query_run(&q, NULL);
}

enum rv_status rv_meta_get_time(struct rv_tx *tx, const char *name, rv_time *ret, struct rv_error *err)
{
    RV_AUTO(char) char *text = NULL;
    int64_t value = 0;
    enum rv_status status = rv_meta_get(tx, name, &text, err);
    if (status == RV_OK)
        status = rv_int_parse(text, 0, INT64_MAX, &value, err);
    if (status != RV_OK && status != RV_NOT_FOUND)
        return status;
    *ret = value;
    return RV_OK;
}

enum rv_status rv_meta_set_time(struct rv_tx *tx, const char *name, rv_time value, struct rv_error *err)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    return rv_meta_set(tx, name, text, err);
}

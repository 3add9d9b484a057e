/* The audit, to read and to check. */
#include "api/api_priv.h"
#include "core/events.h"
#include "port/store_audit.h"

struct reading {
    json_t *items;
    int limit;
    int64_t last;
    bool more;
};

json_t *rv_view_event(const struct rv_audit_row *row)
{
    json_t *o = json_object(), *detail = NULL;
    const struct rv_event *event = rv_event_find(row->action);
    rv_json_set_int(o, "number", row->number);
    rv_json_set_time(o, "at", row->at);
    rv_json_set_text(o, "actor", row->actor);
    rv_json_set_text(o, "action", row->action);
    rv_json_set_text(o, "subject", row->subject);
    rv_json_set_text(o, "text", event != NULL ? event->text : NULL);
    rv_json_set_text(o, "severity", event != NULL ? rv_severity_name(event->severity) : NULL);
    if (row->detail != NULL && row->detail[0] != '\0' && rv_json_parse(rv_bytes_of(row->detail), &detail, NULL) == RV_OK)
        rv_json_set(o, "detail", detail);
    return o;
}

static bool add_row(void *arg, const struct rv_audit_row *row)
{
    struct reading *r = arg;
    if (json_array_size(r->items) == (size_t)r->limit) {
        r->more = true;
        return false;
    }
    json_t *o = rv_view_event(row);
    rv_json_set_hash(o, "hash", &row->hash);
    json_array_append_new(r->items, o);
    r->last = row->number;
    return true;
}

static enum rv_status read_order(const struct rv_call *call, bool *ret_back, struct rv_error *err)
{
    const char *order = rv_http_query(call->request, "order");
    *ret_back = order != NULL && strcmp(order, "newest") == 0;
    if (order != NULL && !*ret_back && strcmp(order, "oldest") != 0) {
        rv_fail(err, RV_INVALID, "\"%.40s\" is not an order: expected oldest (first) or newest (first)", order);
        return rv_error_where(err, RV_INVALID, "order");
    }
    return RV_OK;
}

enum rv_status rv_read_audit(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct rv_call *call = arg;
    struct reading r = {0};
    int64_t after = 0;
    bool back = false;
    enum rv_status status = rv_call_limit(call, 100, &r.limit, err);
    if (status == RV_OK)
        status = read_order(call, &back, err);
    if (status == RV_OK)
        status = rv_call_after(call, &after, err);
    if (status != RV_OK)
        return status;
    call->result = rv_page(&r.items);
    status = (back ? rv_audit_each_back : rv_audit_each)(tx, after, r.limit + 1, add_row, &r, err);
    if (status == RV_OK && r.more)
        rv_json_set_text(call->result, "next", rv_arena_printf(call->arena, "%lld", (long long)r.last));
    return status;
}

enum rv_status rv_read_audit_verify(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct rv_call *call = arg;
    int64_t count = 0, bad = 0;
    struct rv_hash head = {0};
    enum rv_status status = rv_audit_verify(tx, &count, &bad, &head, err);
    if (status != RV_OK && status != RV_CONFLICT)
        return status;
    json_t *o = call->result = json_object();
    rv_json_set_int(o, "count", count);
    rv_json_set_bool(o, "ok", status == RV_OK);
    rv_json_set_hash(o, "head", &head);
    if (status != RV_OK)
        rv_json_set_int(o, "firstBad", bad);
    return RV_OK;
}

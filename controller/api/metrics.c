#include "api/metrics.h"

#include <inttypes.h>

#include "api/api_priv.h"
#include "engine/engine.h"

_Static_assert(RV_METRIC_ROUTES >= 48, "one row of counters per route");
/* What is counted by its own number; everything else by 0, "other". */
static const int statuses[RV_METRIC_STATUSES] = {200, 201, 202, 204, 304, 400, 401, 403, 404,
                                                 405, 409, 413, 415, 429, 500, 503, 504, 0};

void rv_metrics_count(struct rv_metrics *m, int route, int status, int64_t spent)
{
    size_t row = route >= 0 && route < RV_METRIC_ROUTES ? (size_t)route : RV_METRIC_ROUTES, column = 0;
    while (statuses[column] != 0 && statuses[column] != status)
        column++;
    m->requests[row][column]++;
    m->spent[row] += spent;
}

static const char *route_name(size_t row)
{
    return row < rv_route_count ? rv_routes[row].id : "none";
}

void rv_metrics_write(const struct rv_metrics *m, struct rv_buf *out)
{
    rv_buf_add_text(out, "# HELP reeve_http_requests_total Requests answered, by operation and status.\n"
                         "# TYPE reeve_http_requests_total counter\n");
    for (size_t row = 0; row <= RV_METRIC_ROUTES; row++) {
        for (size_t column = 0; column < RV_METRIC_STATUSES; column++) {
            if (m->requests[row][column] == 0)
                continue;
            rv_buf_printf(out, "reeve_http_requests_total{operation=\"%s\",status=\"", route_name(row));
            if (statuses[column] != 0)
                rv_buf_printf(out, "%d", statuses[column]);
            else
                rv_buf_add_text(out, "other");
            rv_buf_printf(out, "\"} %" PRId64 "\n", m->requests[row][column]);
        }
    }
    rv_buf_add_text(out, "# HELP reeve_http_request_seconds_total Time from request to answer, by operation.\n"
                         "# TYPE reeve_http_request_seconds_total counter\n");
    for (size_t row = 0; row <= RV_METRIC_ROUTES; row++)
        if (m->spent[row] != 0)
            rv_buf_printf(out, "reeve_http_request_seconds_total{operation=\"%s\"} %.3f\n", route_name(row),
                          (double)m->spent[row] / 1000);
}

static void gauge(struct rv_buf *out, const char *name, const char *help, int64_t v)
{
    rv_buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %" PRId64 "\n", name, help, name, name, v);
}

static void engine_metrics(struct rv_engine *engine, struct rv_buf *out)
{
    struct rv_engine_stats s = {0};
    rv_engine_stats(engine, &s);
    rv_buf_add_text(out, "# HELP reeve_engine_steps_total Steps carried out, by step and outcome.\n"
                         "# TYPE reeve_engine_steps_total counter\n");
    for (int step = RV_STEP_OBSERVE; step < RV_STEP_COUNT; step++)
        rv_buf_printf(out,
                      "reeve_engine_steps_total{step=\"%s\",outcome=\"done\"} %" PRId64 "\n"
                      "reeve_engine_steps_total{step=\"%s\",outcome=\"failed\"} %" PRId64 "\n",
                      rv_step_name((enum rv_step)step), s.steps_done[step], rv_step_name((enum rv_step)step),
                      s.steps_failed[step]);
    gauge(out, "reeve_engine_steps_in_flight", "Steps in work.", s.in_flight);
    rv_buf_printf(out,
                  "# HELP reeve_engine_plans_total Plans computed.\n# TYPE reeve_engine_plans_total counter\n"
                  "reeve_engine_plans_total %" PRId64 "\n",
                  s.planned);
}

static void census_metrics(const struct rv_census_result *c, struct rv_buf *out)
{
    rv_buf_add_text(out, "# HELP reeve_certificates Declared certificates, by state.\n# TYPE reeve_certificates gauge\n");
    for (int state = 0; state < RV_STATE_COUNT; state++)
        rv_buf_printf(out, "reeve_certificates{state=\"%s\"} %" PRId64 "\n", rv_state_name((enum rv_state)state),
                      c->by_state[state]);
    if (c->next_expiry != RV_TIME_FAR)
        gauge(out, "reeve_next_expiry_timestamp_seconds", "The earliest end of validity of what is held.",
              c->next_expiry / 1000);
    if (c->next_renewal != RV_TIME_FAR)
        gauge(out, "reeve_next_renewal_timestamp_seconds", "The earliest renewal that is due.", c->next_renewal / 1000);
    gauge(out, "reeve_census_timestamp_seconds", "When the certificates were counted.", c->at / 1000);
}

static void counted(void *arg, enum rv_status status, const struct rv_census_result *c, const struct rv_error *err)
{
    struct rv_call *call = arg;
    struct rv_api *api = call->api;
    if (status != RV_OK) {
        rv_call_fail(call, err);
        return;
    }
    RV_AUTO(rv_buf) struct rv_buf out = {0};
    rv_buf_printf(&out,
                  "# HELP reeve_build_info Version.\n# TYPE reeve_build_info gauge\nreeve_build_info{version=\"%s\"} 1\n",
                  api->version);
    census_metrics(c, &out);
    if (api->o.engine != NULL)
        engine_metrics(api->o.engine, &out);
    rv_metrics_write(&api->metrics, &out);
    gauge(&out, "reeve_http_requests_in_flight", "Requests in work.", (int64_t)api->calls);
    gauge(&out, "reeve_event_streams", "Open event streams.", (int64_t)rv_events_streams(&api->events));
    if (api->o.store_queue != NULL)
        gauge(&out, "reeve_store_queue", "Writes that wait for the store.", api->o.store_queue(api->o.store_queue_arg));
    rv_call_raw(call, 200, call->route->content_type, rv_buf_bytes(&out), NULL);
}

void rv_start_metrics(struct rv_call *call)
{
    rv_census_take(&call->api->census, call->api, counted, call);
}

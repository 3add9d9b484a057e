/* Counters of the front door, for /metrics. Loop thread only. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define RV_METRIC_ROUTES 64
#define RV_METRIC_STATUSES 20

struct rv_metrics {
    int64_t requests[RV_METRIC_ROUTES + 1][RV_METRIC_STATUSES]; /* the last row: no route */
    int64_t spent[RV_METRIC_ROUTES + 1];                        /* milliseconds */
};
/* route: index in rv_routes, or -1. */
void rv_metrics_count(struct rv_metrics *m, int route, int status, int64_t spent);
void rv_metrics_write(const struct rv_metrics *m, struct rv_buf *out);

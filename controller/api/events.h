/* Live events (server-sent events): every stream sends the rows of the audit, from where its client stopped. The rows
 * are read once for all streams that are up to date; one that is behind reads its own way there. A client that reads too
 * slowly is dropped and may come back with Last-Event-ID. Loop thread only. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port/loop.h"

#define RV_EVENTS_HEARTBEAT 15000 /* ms */
/* After this long a stream ends, and its client comes back with Last-Event-ID: nobody listens on with a login that has
 * expired meanwhile. */
#define RV_EVENTS_LONGEST 600000 /* ms */

struct rv_api;
struct rv_stream;
struct rv_events {
    struct rv_api *api;
    struct rv_stream *streams;
    size_t count;
    int64_t newest; /* number of the newest row that is known of */
    bool reading;   /* a read for streams that are behind is under way */
    struct rv_timer *heartbeat;
};
void rv_events_init(struct rv_events *e, struct rv_api *api);
void rv_events_stop(struct rv_events *e);                   /* ends every stream */
void rv_events_forget(struct rv_events *e, const char *id); /* ends the streams of this token or session */
void rv_events_fini(struct rv_events *e);                   /* after every exchange has ended */
size_t rv_events_streams(const struct rv_events *e);

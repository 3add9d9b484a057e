/* Writing to a libuv stream. */
#pragma once
#include <uv.h>

#include "base/bytes.h"

/* What the socket takes at once needs no copy, the rest waits in one. Negative: it failed now; failed(arg): it failed
 * later (closing the handle counts). */
int rv_stream_write(uv_stream_t *stream, struct rv_bytes bytes, void (*failed)(void *arg), void *arg);

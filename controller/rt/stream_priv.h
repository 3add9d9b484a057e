/* Writing to a libuv stream. */
#pragma once
#include <uv.h>

#include "base/bytes.h"

/* What the socket takes at once needs no copy, the rest waits in one; later(arg, 0) once that is gone, or a negative
 * number when it could not be (closing the handle counts). Negative: it failed at once. */
int rv_stream_write(uv_stream_t *stream, struct rv_bytes bytes, void (*later)(void *arg, int failure), void *arg);

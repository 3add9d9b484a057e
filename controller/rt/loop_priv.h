/* The inside of the loop, for rt and its tests. */
#pragma once
#include <uv.h>

#include "rt/loop.h"

uv_loop_t *rv_loop_uv(struct rv_loop *loop);
/* Runs what was posted, on the loop thread while the loop itself is not running. */
void rv_loop_run_posts(struct rv_loop *loop);

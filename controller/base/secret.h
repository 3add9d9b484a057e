/* Bytes that must not be seen: wiped when freed, kept out of core dumps, and never printable. There is deliberately no
 * function that turns a secret into text for a log. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct rv_secret;
struct rv_secret *rv_secret_create(const void *p, size_t n); /* copied; p NULL gives n zero bytes to fill */
void rv_secret_destroy(struct rv_secret *secret);
uint8_t *rv_secret_data(struct rv_secret *secret);
struct rv_bytes rv_secret_bytes(const struct rv_secret *secret); /* borrowed */
void rv_wipe(void *p, size_t n);                                 /* not removed by the compiler */
void rv_buf_wipe_fini(struct rv_buf *buf);                       /* rv_buf_fini for a buffer that held a secret */
static inline void rv_auto_rv_secret(struct rv_secret **secret)
{
    rv_secret_destroy(*secret);
}

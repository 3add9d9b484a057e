/* The signer without a process: port/signer.h straight onto signer/service.h, through the same frames. For tests that
 * need a CA but no crash. One caller at a time is let in. */
#pragma once
#include "port/clock.h"
#include "port/signer.h"

struct signer_inside;
/* directory: made when missing. away: while set, every call is RV_UNAVAILABLE. */
struct signer_inside *signer_inside_create(const char *directory, const struct rv_clock *clock);
void signer_inside_destroy(struct signer_inside *signer);
struct rv_signer signer_inside_port(struct signer_inside *signer);
void signer_inside_away(struct signer_inside *signer, bool away);
int signer_inside_journalled(struct signer_inside *signer); /* entries, those of the setup included */

/* Multiples of a public key that many signatures are checked with. */
#pragma once
#include "pki/spki.h"

/* Takes 20 ms and 150 kB. NULL when there is none for this kind of key. */
struct rv_spki_table *rv_spki_table_create(const struct rv_spki *spki);
void rv_spki_table_destroy(struct rv_spki_table *table); /* NULL is fine */
/* The hash is SHA-256, 32 octets. */
bool rv_spki_table_verify(const struct rv_spki_table *table, const uint8_t *hash, struct rv_bytes signature);

/* The inside of a key, for the files of pki. */
#pragma once
#include <openssl/evp.h>

#include "pki/key.h"

EVP_PKEY *rv_key_pkey(const struct rv_key *key); /* borrowed */
/* From a libcrypto key to ours, with every check on keys. pkey is given, also on failure. */
RV_MUST_CHECK enum rv_status rv_key_of_pkey(EVP_PKEY *pkey, struct rv_key **ret, struct rv_error *err);

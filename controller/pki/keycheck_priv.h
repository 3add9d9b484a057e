/* The arithmetic behind rv_key_check. */
#pragma once
#include "pki/spki.h"

/* NULL, or what is wrong with an RSA key, and the rule. */
const char *rv_rsa_fault(const struct rv_spki *spki, const char **ret_rule);
/* Uses the key object that verification keeps. */
bool rv_ec_on_curve(const struct rv_spki *spki);

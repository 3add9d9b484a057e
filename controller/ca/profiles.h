/* Compiled profiles by name, each kept until the declaration's generation changes. Any thread. */
#pragma once
#include "pki/profile.h"
#include "port/store.h"

struct rv_profiles;
struct rv_profiles *rv_profiles_create(void);
void rv_profiles_destroy(struct rv_profiles *profiles); /* NULL is fine */
/* The declared profile, else the built-in of that name. Retained for the caller. RV_NOT_FOUND: neither. */
RV_MUST_CHECK enum rv_status rv_profiles_get(struct rv_profiles *profiles, struct rv_tx *tx, const char *name,
                                             struct rv_profile **ret, struct rv_error *err);

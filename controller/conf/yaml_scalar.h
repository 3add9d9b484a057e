/* What a plain scalar is: the core schema of YAML 1.2 (§10.3.2), less what is read differently elsewhere. */
#pragma once
#include "base/json.h"

/* *ret is given. RV_INVALID: a number that JSON or another YAML reader would take for something else. */
RV_MUST_CHECK enum rv_status rv_yaml_plain(const char *text, json_t **ret, struct rv_error *err);

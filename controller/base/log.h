/* The log: JSON lines on standard error (or short text on a terminal). Libraries return errors; only the engine, the
 * front doors and main functions log, once. Safe from any thread. Everything is escaped (M-50). */
#pragma once
#include "base/error.h"

enum rv_log_level { RV_LOG_DEBUG, RV_LOG_INFO, RV_LOG_WARN, RV_LOG_ERROR };

/* What a line is about; any may be NULL or 0. It rides on the job or request. */
struct rv_log_context {
    const char *area; /* "engine", "api", … */
    const char *certificate, *target, *issuer;
    long long job, attempt;
};
void rv_log_setup(enum rv_log_level least, int json); /* json: 1 lines, 0 text, -1 text when stderr is a terminal */
void rv_log(enum rv_log_level level, const struct rv_log_context *ctx, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void rv_log_error(enum rv_log_level level, const struct rv_log_context *ctx, const struct rv_error *err, const char *what);

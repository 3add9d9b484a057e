/* Errors. A function that can fail returns a status and fills the struct rv_error it was handed (NULL is fine).
 * Outputs are written only on success. The status is what callers act on, the text is for people: what happened, where,
 * and what to do. Each layer adds only what it alone knows. There is no last-error global: work moves between threads. */
#pragma once
#include <stdarg.h>

enum rv_status {
    RV_OK = 0,
    RV_INVALID, /* the input is wrong: do not repeat it */
    RV_NOT_FOUND,
    RV_CONFLICT,    /* it exists already, or it changed under us */
    RV_DENIED,      /* not allowed: permission, policy, lint */
    RV_LIMITED,     /* a budget or rate is spent: later */
    RV_UNAVAILABLE, /* the other side is not there or refuses for now: later */
    RV_TIMEOUT,     /* no answer, and nothing can have happened */
    RV_UNCERTAIN,   /* no answer, and it may have happened: observe before trying again */
    RV_INTERNAL,    /* our own fault */
    RV_STATUS_COUNT
};

struct rv_error {
    enum rv_status status;
    char where[160];   /* the file and line, field, host or object it is about; may be empty */
    char message[480]; /* what is wrong and what was expected, one sentence, no full stop */
    char hint[240];    /* what to do about it; may be empty */
};

#define RV_MUST_CHECK __attribute__((warn_unused_result))

/* Fill err and return the status, so that a failure reads `return rv_fail(err, RV_INVALID, "…", …);`. Control
 * characters in the text become '?': much of it was written by the other side. */
enum rv_status rv_fail(struct rv_error *err, enum rv_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum rv_status rv_vfail(struct rv_error *err, enum rv_status status, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
/* Same, from errno: "<format>: <strerror>", with the status that fits the number. */
enum rv_status rv_fail_errno(struct rv_error *err, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Add to an error on its way up; each keeps the status and returns it. NULL is fine. */
enum rv_status rv_error_where(struct rv_error *err, enum rv_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum rv_status rv_error_hint(struct rv_error *err, enum rv_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum rv_status rv_error_prefix(struct rv_error *err, enum rv_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What one status means everywhere it is shown or acted on. */
struct rv_status_info {
    const char *name;    /* "invalid", as in logs, JSON and metrics */
    int http;            /* RFC 9110 status code */
    const char *title;   /* RFC 9457 §3.1.4 */
    unsigned char retry; /* 1: the engine may try again with back-off */
    unsigned char look;  /* 1: observe before anything else */
};
const struct rv_status_info *rv_status_info(enum rv_status status);

/* "where: message (hint)" into out, always terminated. */
const char *rv_error_text(const struct rv_error *err, char *out, unsigned long size);

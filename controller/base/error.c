#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const struct rv_status_info infos[RV_STATUS_COUNT] = {
    /*                  name           HTTP  title                        retry look */
    [RV_OK] = {"ok", 200, "OK", 0, 0},
    [RV_INVALID] = {"invalid", 400, "The request is not valid", 0, 0},
    [RV_NOT_FOUND] = {"notFound", 404, "Not found", 0, 0},
    [RV_CONFLICT] = {"conflict", 409, "Conflict", 0, 1},
    [RV_DENIED] = {"denied", 403, "Not allowed", 0, 0},
    [RV_LIMITED] = {"limited", 429, "A limit is reached", 1, 0},
    [RV_UNAVAILABLE] = {"unavailable", 503, "Not available now", 1, 0},
    [RV_TIMEOUT] = {"timeout", 504, "No answer in time", 1, 0},
    [RV_UNCERTAIN] = {"uncertain", 504, "No answer, outcome unknown", 1, 1},
    [RV_INTERNAL] = {"internal", 500, "Internal error", 1, 1},
};

const struct rv_status_info *rv_status_info(enum rv_status status)
{
    return &infos[(unsigned)status < RV_STATUS_COUNT ? status : RV_INTERNAL];
}

static void format_into(char *, size_t, const char *, va_list) __attribute__((format(printf, 3, 0)));
/* Text from hosts, certificates and users ends on terminals: no escape sequence may survive (M-50). */
static void format_into(char *out, size_t size, const char *format, va_list args)
{
    if (vsnprintf(out, size, format, args) < 0)
        out[0] = '\0';
    rv_defang(out);
}

enum rv_status rv_vfail(struct rv_error *err, enum rv_status status, const char *format, va_list args)
{
    if (err != NULL) {
        err->status = status;
        err->where[0] = err->hint[0] = '\0';
        format_into(err->message, sizeof err->message, format, args);
    }
    return status;
}

enum rv_status rv_fail(struct rv_error *err, enum rv_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    rv_vfail(err, status, format, args);
    va_end(args);
    return status;
}

static enum rv_status status_of_errno(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return RV_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return RV_DENIED;
    case EEXIST:
        return RV_CONFLICT;
    case EINVAL:
    case ENAMETOOLONG:
    case ELOOP:
        return RV_INVALID;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
        return RV_LIMITED;
    case ETIMEDOUT:
        return RV_TIMEOUT;
    case ECONNREFUSED:
    case ECONNRESET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EPIPE:
    case EAGAIN:
        return RV_UNAVAILABLE;
    default:
        return RV_INTERNAL;
    }
}

enum rv_status rv_fail_errno(struct rv_error *err, int number, const char *format, ...)
{
    enum rv_status status = status_of_errno(number);
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        rv_vfail(err, status, format, args);
        va_end(args);
        char reason[96];
        size_t used = strlen(err->message);
        snprintf(err->message + used, sizeof err->message - used, ": %s", strerror_r(number, reason, sizeof reason));
    }
    return status;
}

#define ADD_TEXT(field)                                                                                                     \
    if (err != NULL) {                                                                                                      \
        va_list args;                                                                                                       \
        va_start(args, format);                                                                                             \
        format_into(err->field, sizeof err->field, format, args);                                                           \
        va_end(args);                                                                                                       \
    }                                                                                                                       \
    return status

enum rv_status rv_error_where(struct rv_error *err, enum rv_status status, const char *format, ...)
{
    ADD_TEXT(where);
}

enum rv_status rv_error_hint(struct rv_error *err, enum rv_status status, const char *format, ...)
{
    ADD_TEXT(hint);
}

enum rv_status rv_error_prefix(struct rv_error *err, enum rv_status status, const char *format, ...)
{
    if (err != NULL) {
        struct rv_error old = *err;
        va_list args;
        va_start(args, format);
        format_into(err->message, sizeof err->message, format, args);
        va_end(args);
        size_t used = strlen(err->message);
        snprintf(err->message + used, sizeof err->message - used, ": %s", old.message);
    }
    return status;
}

const char *rv_error_text(const struct rv_error *err, char *out, unsigned long size)
{
    snprintf(out, size, "%s%s%s%s%s%s", err->where, err->where[0] ? ": " : "", err->message, err->hint[0] ? " (" : "",
             err->hint, err->hint[0] ? ")" : "");
    return out;
}

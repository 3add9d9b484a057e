/* Time as a number: milliseconds since 1970-01-01T00:00:00Z, and durations in milliseconds. Reading a clock is not
 * here: the time is an argument, or comes from port/clock.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef int64_t rv_time; /* 0: never, unknown */
typedef int64_t rv_dur;
#define RV_MSEC(n) ((rv_dur)(n))
#define RV_SEC(n) ((rv_dur)(n)*1000)
#define RV_MIN(n) RV_SEC((rv_dur)(n)*60)
#define RV_HOUR(n) RV_MIN((rv_dur)(n)*60)
#define RV_DAY(n) RV_HOUR((rv_dur)(n)*24)
#define RV_TIME_FAR INT64_MAX /* no time at all */

#define RV_TIME_TEXT 32
/* RFC 3339, UTC, whole seconds: 2026-11-23T14:00:00Z; "never" for 0 and RV_TIME_FAR. Returns out. */
const char *rv_time_text(char out[static RV_TIME_TEXT], rv_time t);
/* The forms above, seconds fraction allowed, offset must be Z. */
RV_MUST_CHECK enum rv_status rv_time_parse(const char *text, rv_time *ret, struct rv_error *err);
/* 90s, 10m, 36h, 30d, 1h30m; also plain 0. Not negative. */
RV_MUST_CHECK enum rv_status rv_dur_parse(const char *text, rv_dur *ret, struct rv_error *err);
/* Two largest units: "3d 4h", "12m 5s", "850ms". Returns out. */
const char *rv_dur_text(char out[static RV_TIME_TEXT], rv_dur d);
/* Calendar fields of a time, UTC (the year may exceed 9999), and back. */
struct rv_civil {
    int64_t year;
    int month, day, hour, minute, second; /* 1–12, 1–31, 0–23, 0–59, 0–59 */
};
struct rv_civil rv_civil_of(rv_time t);
rv_time rv_time_of_civil(const struct rv_civil *c);

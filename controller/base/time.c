#include "base/time.h"

#include <stdio.h>
#include <string.h>

/* Days since 1970-01-01 of a proleptic Gregorian date, by counting 400-year eras that start on 1 March. */
static int64_t days_of_date(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

struct rv_civil rv_civil_of(rv_time t)
{
    int64_t seconds = t / 1000 - (t % 1000 < 0);
    int64_t days = seconds / 86400 - (seconds % 86400 < 0);
    int64_t rest = seconds - days * 86400;
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    struct rv_civil c = {
        .day = (int)(doy - (153 * mp + 2) / 5 + 1),
        .month = (int)(mp < 10 ? mp + 3 : mp - 9),
        .hour = (int)(rest / 3600),
        .minute = (int)(rest / 60 % 60),
        .second = (int)(rest % 60),
    };
    c.year = yoe + era * 400 + (c.month <= 2);
    return c;
}

rv_time rv_time_of_civil(const struct rv_civil *c)
{
    return (days_of_date(c->year, c->month, c->day) * 86400 + c->hour * 3600 + c->minute * 60 + c->second) * 1000;
}

const char *rv_time_text(char out[static RV_TIME_TEXT], rv_time t)
{
    if (t == 0 || t == RV_TIME_FAR) {
        snprintf(out, RV_TIME_TEXT, "never");
        return out;
    }
    struct rv_civil c = rv_civil_of(t);
    if (c.year < 0 || c.year > 9999) {
        snprintf(out, RV_TIME_TEXT, "%04lld-%02d-%02dT%02d:%02d:%02dZ", (long long)c.year, c.month, c.day, c.hour, c.minute,
                 c.second);
        return out;
    }
    const int parts[] = {(int)c.year / 100, (int)c.year % 100, c.month, c.day, c.hour, c.minute, c.second};
    static const char form[] = "....-..-..T..:..:..Z";
    const int *part = parts;
    for (size_t i = 0; i < sizeof form; i++) {
        out[i] = form[i];
        if (form[i] == '.') {
            out[i++] = (char)('0' + *part / 10);
            out[i] = (char)('0' + *part++ % 10);
        }
    }
    return out;
}

static bool digits(const char **at, int n, int *ret)
{
    int v = 0;
    for (int i = 0; i < n; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        v = v * 10 + (**at - '0');
    }
    *ret = v;
    return true;
}

static bool letter(const char **at, char a, char b)
{
    if (**at != a && **at != b)
        return false;
    (*at)++;
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

enum rv_status rv_time_parse(const char *text, rv_time *ret, struct rv_error *err)
{
    const char *at = text;
    int year, millis = 0;
    struct rv_civil c = {0};
    bool ok = digits(&at, 4, &year) && letter(&at, '-', '-') && digits(&at, 2, &c.month) && letter(&at, '-', '-') &&
              digits(&at, 2, &c.day) && letter(&at, 'T', 't') && digits(&at, 2, &c.hour) && letter(&at, ':', ':') &&
              digits(&at, 2, &c.minute) && letter(&at, ':', ':') && digits(&at, 2, &c.second);
    if (ok && *at == '.') {
        int scale = 100;
        for (at++; *at >= '0' && *at <= '9'; at++, scale /= 10)
            millis += (*at - '0') * scale;
    }
    ok = ok && letter(&at, 'Z', 'z') && *at == '\0' && c.month >= 1 && c.month <= 12 && c.day >= 1 &&
         c.day <= days_in_month(year, c.month) && c.hour < 24 && c.minute < 60 && c.second < 60;
    if (!ok)
        return rv_fail(err, RV_INVALID, "\"%.40s\" is not a time: expected one like 2026-11-23T14:00:00Z", text);
    c.year = year;
    *ret = rv_time_of_civil(&c) + millis;
    return RV_OK;
}

static const struct {
    char letter;
    rv_dur size;
} units[] = {{'d', RV_DAY(1)}, {'h', RV_HOUR(1)}, {'m', RV_MIN(1)}, {'s', RV_SEC(1)}};

enum rv_status rv_dur_parse(const char *text, rv_dur *ret, struct rv_error *err)
{
    rv_dur total = 0;
    const char *at = text;
    unsigned next_unit = 0;
    if (strcmp(text, "0") == 0) {
        *ret = 0;
        return RV_OK;
    }
    do {
        rv_dur n = 0;
        const char *start = at;
        for (; *at >= '0' && *at <= '9'; at++)
            if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *at - '0', &n))
                goto bad;
        if (at == start)
            goto bad;
        while (next_unit < 4 && units[next_unit].letter != *at)
            next_unit++;
        if (next_unit == 4 || __builtin_mul_overflow(n, units[next_unit].size, &n) ||
            __builtin_add_overflow(total, n, &total))
            goto bad;
        next_unit++;
        at++;
    } while (*at != '\0');
    *ret = total;
    return RV_OK;
bad:
    return rv_fail(err, RV_INVALID, "\"%.40s\" is not a duration: expected one like 90s, 10m, 36h, 30d or 1h30m", text);
}

const char *rv_dur_text(char out[static RV_TIME_TEXT], rv_dur d)
{
    const char *sign = d < 0 ? "-" : "";
    uint64_t left = d < 0 ? 0 - (uint64_t)d : (uint64_t)d;
    if (left < 1000) {
        snprintf(out, RV_TIME_TEXT, "%s%llums", sign, (unsigned long long)left);
        return out;
    }
    unsigned u = 0;
    while (u < 3 && left < (uint64_t)units[u].size)
        u++;
    uint64_t size = (uint64_t)units[u].size;
    int n = snprintf(out, RV_TIME_TEXT, "%s%llu%c", sign, (unsigned long long)(left / size), units[u].letter);
    left %= size;
    if (u < 3 && left >= (uint64_t)units[u + 1].size)
        snprintf(out + n, RV_TIME_TEXT - (size_t)n, " %llu%c", (unsigned long long)(left / (uint64_t)units[u + 1].size),
                 units[u + 1].letter);
    return out;
}

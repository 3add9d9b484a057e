#include "conf/yaml_scalar.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static bool one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

static bool all_of(const char *text, const char *chars)
{
    return text[0] != '\0' && text[strspn(text, chars)] == '\0';
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_float(const char *text)
{
    static const char digits[] = "0123456789";
    const char *at = text + (text[0] == '-' || text[0] == '+');
    size_t whole = strspn(at, digits), fraction = 0;
    at += whole;
    if (*at == '.') {
        fraction = strspn(at + 1, digits);
        at += 1 + fraction;
    }
    if (whole + fraction == 0)
        return false;
    if (*at == 'e' || *at == 'E') {
        at++;
        at += *at == '-' || *at == '+';
        return all_of(at, digits);
    }
    return *at == '\0';
}

static enum rv_status based(const char *digits, int base, json_t **ret, struct rv_error *err)
{
    int64_t v = 0;
    for (const char *c = digits; *c != '\0'; c++) {
        int digit = *c <= '9' ? *c - '0' : (*c | 0x20) - 'a' + 10;
        if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit, &v))
            return rv_fail(err, RV_INVALID, "the number is too large: put it in quotes if it is meant as text");
    }
    *ret = json_integer(v);
    return RV_OK;
}

enum rv_status rv_yaml_plain(const char *text, json_t **ret, struct rv_error *err)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    static const char *const odd[] = {".inf",  ".Inf",  ".INF", "-.inf", "-.Inf", "-.INF", "+.inf",
                                      "+.Inf", "+.INF", ".nan", ".NaN",  ".NAN",  NULL};
    const char *unsigned_ = text + (text[0] == '-' || text[0] == '+');
    if (one_of(text, nulls)) {
        *ret = json_null();
        return RV_OK;
    }
    if (one_of(text, trues) || one_of(text, falses)) {
        *ret = json_boolean(one_of(text, trues));
        return RV_OK;
    }
    if (one_of(text, odd))
        return rv_fail(err, RV_INVALID, "%s is not a number that can be used here: put it in quotes if it is meant as text",
                       text);
    if (rv_starts_with(text, "0x") && all_of(text + 2, "0123456789abcdefABCDEF"))
        return based(text + 2, 16, ret, err);
    if (rv_starts_with(text, "0o") && all_of(text + 2, "01234567"))
        return based(text + 2, 8, ret, err);
    if (all_of(unsigned_, "0123456789")) {
        int64_t v;
        if (unsigned_[0] == '0' && unsigned_[1] != '\0')
            return rv_fail(err, RV_INVALID,
                           "%.40s is octal to some and decimal to others: leave out the zeros in front, or put it in quotes",
                           text);
        if (rv_int_parse(text + (text[0] == '+'), INT64_MIN, INT64_MAX, &v, NULL) != RV_OK)
            return rv_fail(err, RV_INVALID, "the number is too large: put it in quotes if it is meant as text");
        *ret = json_integer(v);
        return RV_OK;
    }
    if (is_float(text)) {
        *ret = json_real(strtod(text, NULL));
        return *ret != NULL ? RV_OK
                            : rv_fail(err, RV_INVALID, "the number is too large: put it in quotes if it is meant as text");
    }
    *ret = json_string(text);
    return *ret != NULL ? RV_OK : rv_fail(err, RV_INVALID, "it is not valid UTF-8");
}

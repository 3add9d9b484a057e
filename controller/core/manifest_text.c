/* What texts in manifests may look like: one row and one small reader per rule. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "core/manifest_priv.h"
#include "core/names.h"

static enum rv_status keep(const char *text, char out[static RV_TEXT_MAX + 1])
{
    memcpy(out, text, strlen(text) + 1);
    return RV_OK;
}

static bool alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* The whole text is letters, digits and `more`. */
static bool only(const char *text, const char *more)
{
    for (; *text != '\0'; text++)
        if (!alnum(*text) && strchr(more, *text) == NULL)
            return false;
    return true;
}

static bool hides_something(const char *text)
{
    char seen[RV_TEXT_MAX + 1];
    keep(text, seen);
    rv_defang(seen);
    return strcmp(text, seen) != 0;
}

static enum rv_status read_plain(const char *text, char out[static RV_TEXT_MAX + 1], struct rv_error *err)
{
    if (hides_something(text))
        return rv_fail(err, RV_INVALID,
                       "it has a control character, an invisible one or a line break: expected one line of text");
    return keep(text, out);
}

static enum rv_status read_object(const char *text, char out[static RV_TEXT_MAX + 1], struct rv_error *err)
{
    if (!rv_name_valid(text))
        return rv_fail(err, RV_INVALID,
                       "\"%.80s\" is not a name: expected 1 to 63 of a-z, 0-9, \"-\" and \".\", with a letter or digit "
                       "first and last",
                       text);
    return keep(text, out);
}

static enum rv_status read_name(enum rv_name_type type, const char *text, char *out, struct rv_error *err)
{
    char normal[RV_NAME_MAX + 1];
    enum rv_status status = rv_name_normalise(type, text, normal, err);
    return status == RV_OK ? keep(normal, out) : status;
}

static enum rv_status read_dns(const char *text, char out[static RV_TEXT_MAX + 1], struct rv_error *err)
{
    uint8_t octets[16];
    size_t len;
    if (rv_ip_parse(text, octets, &len))
        return rv_fail(err, RV_INVALID, "\"%.80s\" is an IP address: list it under ipAddresses", text);
    return read_name(RV_NAME_DNS, text, out, err);
}

static enum rv_status read_ip(const char *text, char out[static RV_TEXT_MAX + 1], struct rv_error *err)
{
    return read_name(RV_NAME_IP, text, out, err);
}

static enum rv_status read_uri(const char *text, char out[static RV_TEXT_MAX + 1], struct rv_error *err)
{
    return read_name(RV_NAME_URI, text, out, err);
}

static enum rv_status read_email(const char *text, char out[static RV_TEXT_MAX + 1], struct rv_error *err)
{
    return read_name(RV_NAME_EMAIL, text, out, err);
}

/* RFC 5280 §4.2.1.10 has no leading dot (X-26): the name and everything below is what is meant anyway. */
static enum rv_status read_dns_base(const char *text, char out[static RV_TEXT_MAX + 1], struct rv_error *err)
{
    if (text[0] == '*' || text[0] == '.')
        return rv_fail(err, RV_INVALID, "\"%.80s\" begins with \"%c\": write the name alone, it stands for all below it too",
                       text, text[0]);
    return read_name(RV_NAME_DNS, text, out, err);
}

static enum rv_status read_host(const char *text, char out[static RV_TEXT_MAX + 1], struct rv_error *err)
{
    char host[254];
    int port;
    enum rv_status status = rv_hostport_parse(text, 22, host, &port, err);
    return status == RV_OK ? keep(text, out) : status;
}

static enum rv_status read_user(const char *text, char out[static RV_TEXT_MAX + 1], struct rv_error *err)
{
    if (!only(text, "._-") || text[0] == '-' || text[0] == '.')
        return rv_fail(err, RV_INVALID, "\"%.80s\" is not a login name: expected letters, digits, \".\", \"_\" and \"-\"",
                       text);
    return keep(text, out);
}

#define HOST_KEY_TEXT 43 /* base64 of 32 octets, unpadded */
static enum rv_status read_host_key(const char *text, char out[static RV_TEXT_MAX + 1], struct rv_error *err)
{
    if (!rv_starts_with(text, "SHA256:") || strlen(text + 7) != HOST_KEY_TEXT || !only(text + 7, "+/"))
        return rv_fail(err, RV_INVALID,
                       "\"%.80s\" is not a host key fingerprint: expected SHA256: and 43 characters, as ssh-keygen -l "
                       "prints it",
                       text);
    return keep(text, out);
}

/* Paths become parts of commands and of other paths on a host: plain and absolute, nothing to expand (M-40, M-41). */
static const char *path_fault(const char *path)
{
    size_t n = strlen(path);
    if (path[0] != '/')
        return "expected an absolute path, beginning with \"/\"";
    if (n == 1)
        return "it is the root itself";
    if (path[n - 1] == '/')
        return "leave out the final \"/\"";
    for (const char *at = path; *at != '\0';) {
        size_t len = strcspn(++at, "/");
        if ((len == 1 && at[0] == '.') || (len == 2 && at[0] == '.' && at[1] == '.'))
            return "\".\" and \"..\" are not allowed in it";
        if (len == 0)
            return "it has an empty part (\"//\")";
        at += len;
    }
    for (const char *c = path; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f || strchr("\"'\\`$;|&<>*?{}", *c) != NULL)
            return "a character in it is not allowed (quotes, braces, $ ; | & < > * ? or a control character)";
    if (hides_something(path))
        return "it has an invisible character";
    return NULL;
}

static enum rv_status read_path(const char *text, char out[static RV_TEXT_MAX + 1], struct rv_error *err)
{
    const char *fault = path_fault(text);
    if (fault != NULL)
        return rv_fail(err, RV_INVALID, "\"%.120s\" is not usable as a path: %s", text, fault);
    return keep(text, out);
}

#define PLACEHOLDER "{certificate}"
static enum rv_status read_path_template(const char *text, char out[static RV_TEXT_MAX + 1], struct rv_error *err)
{
    char filled[RV_TEXT_MAX + 1];
    size_t n = 0;
    for (const char *c = text; *c != '\0'; n++) { /* checked with a name in its place; shorter than the placeholder */
        bool placeholder = rv_starts_with(c, PLACEHOLDER);
        filled[n] = placeholder ? 'x' : *c;
        c += placeholder ? strlen(PLACEHOLDER) : 1;
    }
    filled[n] = '\0';
    if (strpbrk(filled, "{}") != NULL)
        return rv_fail(err, RV_INVALID, "\"%.120s\" has a brace: the only placeholder is " PLACEHOLDER, text);
    const char *fault = path_fault(filled);
    if (fault != NULL)
        return rv_fail(err, RV_INVALID, "\"%.120s\" is not usable as a path: %s", text, fault);
    return keep(text, out);
}

static enum rv_status read_program(const char *text, char out[static RV_TEXT_MAX + 1], struct rv_error *err)
{
    if (text[0] == '/')
        return read_path(text, out, err);
    if (!only(text, "._+-") || text[0] == '-' || text[0] == '.')
        return rv_fail(err, RV_INVALID, "\"%.80s\" is not a program: expected an absolute path or a bare name like nginx",
                       text);
    return keep(text, out);
}

static const struct rv_text_rule_info rules[RV_TEXT_COUNT] = {
    [RV_TEXT_PLAIN] = {"one line of text", "text", NULL, 253, read_plain},
    [RV_TEXT_OBJECT] = {"the name of an object", "name", "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", 63, read_object},
    [RV_TEXT_DNS] = {"a DNS name like shop.example.com", "DNS name", NULL, RV_NAME_MAX, read_dns},
    [RV_TEXT_IP] = {"an IP address like 192.0.2.7 or 2001:db8::7", "IP address", "^[0-9A-Fa-f:.]+$", 45, read_ip},
    [RV_TEXT_URI] = {"an absolute URI like spiffe://example.org/shop", "URI", "^[A-Za-z][A-Za-z0-9+.-]*:", RV_NAME_MAX,
                     read_uri},
    [RV_TEXT_EMAIL] = {"an e-mail address like ops@example.com", "e-mail address", "@", RV_NAME_MAX, read_email},
    [RV_TEXT_DNS_BASE] = {"a DNS name like example.com", "DNS name", "^[^*.]", RV_NAME_MAX, read_dns_base},
    [RV_TEXT_COMMON_NAME] = {"at most 64 characters", "text", NULL, 64, read_plain},
    [RV_TEXT_HOST] = {"host or host:port", "host[:port]", NULL, 260, read_host},
    [RV_TEXT_USER] = {"a login name", "text", "^[A-Za-z0-9_][A-Za-z0-9._-]*$", 64, read_user},
    [RV_TEXT_HOST_KEY] = {"SHA256: and 43 characters, as ssh-keygen -l prints it", "fingerprint",
                          "^SHA256:[A-Za-z0-9+/]{43}$", 50, read_host_key},
    [RV_TEXT_PATH] = {"an absolute path", "path", "^/", RV_TEXT_MAX, read_path},
    [RV_TEXT_PATH_TEMPLATE] = {"an absolute path, {certificate} allowed", "path", "^/", RV_TEXT_MAX, read_path_template},
    [RV_TEXT_PROGRAM] = {"an absolute path or a bare program name", "program", "^[A-Za-z0-9_/]", RV_TEXT_MAX, read_program},
};

const struct rv_text_rule_info *rv_text_rule_info(enum rv_text_rule rule)
{
    return &rules[rule];
}

static size_t characters(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

enum rv_status rv_text_read(enum rv_text_rule rule, const char *text, char out[static RV_TEXT_MAX + 1], struct rv_error *err)
{
    if (text[0] == '\0')
        return rv_fail(err, RV_INVALID, "it is empty: expected %s", rules[rule].what);
    if (strlen(text) > RV_TEXT_MAX || characters(text) > rules[rule].max)
        return rv_fail(err, RV_INVALID, "\"%.40s…\" is too long: expected at most %zu characters", text, rules[rule].max);
    return rules[rule].read(text, out, err);
}

const char *rv_dur_canonical(char out[static 48], rv_dur d)
{
    static const struct {
        char letter;
        rv_dur size;
    } units[] = {{'d', RV_DAY(1)}, {'h', RV_HOUR(1)}, {'m', RV_MIN(1)}, {'s', RV_SEC(1)}};
    size_t n = 0;
    for (size_t u = 0; u < RV_COUNT(units); u++) {
        rv_dur count = d / units[u].size;
        d %= units[u].size;
        if (count > 0 || (u == RV_COUNT(units) - 1 && n == 0))
            n += (size_t)snprintf(out + n, 48 - n, "%lld%c", (long long)count, units[u].letter);
    }
    return out;
}

#include "core/names.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/text.h"
#include "core/punycode.h"

#define LABEL_MAX 63
#define LOCAL_PART_MAX 64 /* RFC 5321 §4.5.3.1.1 */

const char *rv_name_type_text(enum rv_name_type type)
{
    static const char *const texts[] = {
        [RV_NAME_DNS] = "dns", [RV_NAME_IP] = "ip", [RV_NAME_URI] = "uri", [RV_NAME_EMAIL] = "email"};
    return texts[type];
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_wildcard(const char *name)
{
    return name[0] == '*' && name[1] == '.';
}

/* ---- DNS ---- */

/* What is wrong with a lower-case label, or NULL. Preferred name syntax (RFC 1034 §3.5, RFC 1123 §2.1); hyphens in the
 * third and fourth place are reserved for A-labels (RFC 5890 §2.3.1). */
static const char *label_fault(const char *label, size_t len)
{
    if (len == 0)
        return "it has an empty label";
    if (len > LABEL_MAX)
        return "a label is longer than 63 characters";
    for (size_t i = 0; i < len; i++) {
        if (label[i] == '_')
            return "\"_\" is not allowed in a host name";
        if (label[i] == '*')
            return "\"*\" may only stand alone as the first label";
        if ((unsigned char)label[i] >= 0x80)
            return "write international labels in their xn-- form";
        if (!is_alpha(label[i]) && !is_digit(label[i]) && label[i] != '-')
            return "only letters, digits and hyphens are allowed";
    }
    if (label[0] == '-' || label[len - 1] == '-')
        return "a label starts or ends with a hyphen";
    if (len >= 4 && label[2] == '-' && label[3] == '-') {
        if (strncmp(label, "xn--", 4) != 0)
            return "labels with \"--\" in the third and fourth place are reserved";
        if (!rv_punycode_valid(label + 4, len - 4))
            return "an xn-- label does not decode to an international label";
    }
    return NULL;
}

static bool all_digits(const char *s)
{
    return s[0] != '\0' && s[strspn(s, "0123456789")] == '\0';
}

/* What is wrong with a lower-case name, or NULL. */
static const char *dns_fault(const char *name, bool wildcard_ok)
{
    const char *label = name;
    int labels = 0;
    size_t n = strlen(name);
    if (n == 0)
        return "it is empty";
    if (name[n - 1] == '.')
        return n == 1 ? "it has an empty label" : "leave out the final dot";
    if (is_wildcard(name)) {
        if (!wildcard_ok)
            return "a wildcard is not allowed here";
        label = name + 2;
        if (strchr(label, '.') == NULL)
            return "a wildcard needs at least two labels behind it";
    }
    for (const char *at;; label = at + 1) {
        at = strchrnul(label, '.');
        const char *fault = label_fault(label, (size_t)(at - label));
        labels++;
        if (fault != NULL)
            return fault;
        if (*at == '\0')
            break;
    }
    /* A last label of digits makes URL parsers read the whole name as an IPv4 address. */
    if (all_digits(label))
        return labels == 4 ? "it is an IP address" : "its last label has digits only";
    return NULL;
}

static enum rv_status dns_normalise(const char *text, size_t len, bool wildcard_ok, char *out, struct rv_error *err)
{
    char name[RV_NAME_MAX + 1];
    if (len > RV_NAME_MAX)
        return rv_fail(err, RV_INVALID, "\"%.40s…\" is not a DNS name: it is longer than %d characters", text, RV_NAME_MAX);
    for (size_t i = 0; i < len; i++)
        name[i] = lower(text[i]);
    name[len] = '\0';
    const char *fault = dns_fault(name, wildcard_ok);
    if (fault != NULL)
        return rv_fail(err, RV_INVALID, "\"%.*s\" is not a DNS name: %s", (int)len, text, fault);
    memcpy(out, name, len + 1);
    return RV_OK;
}

bool rv_dns_within(const char *name, const char *base)
{
    if (is_wildcard(name))
        name += 2;
    size_t n = strlen(name), b = strlen(base);
    return b > 0 && n >= b && memcmp(name + n - b, base, b) == 0 && (n == b || name[n - b - 1] == '.');
}

bool rv_dns_matches(const char *pattern, const char *host)
{
    uint8_t octets[16];
    size_t len;
    if (pattern[0] == '\0' || host[0] == '\0' || rv_ip_parse(host, octets, &len))
        return false;
    if (!is_wildcard(pattern))
        return strchr(pattern, '*') == NULL && strcasecmp(pattern, host) == 0;
    const char *rest = strchr(host, '.');
    pattern += 2;
    return rest != NULL && rest != host && strchr(pattern, '.') != NULL && strchr(pattern, '*') == NULL &&
           strcasecmp(pattern, rest + 1) == 0;
}

/* ---- IP ---- */

bool rv_ip_parse(const char *text, uint8_t octets[static 16], size_t *ret_len)
{
    uint8_t parsed[16];
    bool v6 = strchr(text, ':') != NULL;
    if (inet_pton(v6 ? AF_INET6 : AF_INET, text, parsed) != 1)
        return false;
    *ret_len = v6 ? 16 : 4;
    memcpy(octets, parsed, *ret_len);
    return true;
}

static bool is_mapped(const uint8_t octets[static 16])
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(octets, prefix, sizeof prefix) == 0;
}

/* The longest run of at least two zero groups, the first of equals (RFC 5952 §4.2). */
static void longest_zeros(const unsigned groups[static 8], int *ret_start, int *ret_len)
{
    *ret_start = -1;
    *ret_len = 1;
    for (int i = 0; i < 8;) {
        int n = 0;
        while (i + n < 8 && groups[i + n] == 0)
            n++;
        if (n > *ret_len) {
            *ret_start = i;
            *ret_len = n;
        }
        i += n + 1;
    }
}

void rv_ip_text(char out[static 46], const uint8_t *octets, size_t len)
{
    if (len == 4) {
        snprintf(out, 46, "%u.%u.%u.%u", octets[0], octets[1], octets[2], octets[3]);
        return;
    }
    if (is_mapped(octets)) { /* RFC 5952 §5 */
        snprintf(out, 46, "::ffff:%u.%u.%u.%u", octets[12], octets[13], octets[14], octets[15]);
        return;
    }
    unsigned groups[8];
    for (int i = 0; i < 8; i++)
        groups[i] = (unsigned)octets[2 * i] << 8 | octets[2 * i + 1];
    int start, run, used = 0;
    longest_zeros(groups, &start, &run);
    for (int i = 0; i < 8; i++) {
        if (i == start) {
            used += snprintf(out + used, 46 - (size_t)used, "::");
            i += run - 1;
            continue;
        }
        used += snprintf(out + used, 46 - (size_t)used, "%s%x", i == 0 || i == start + run ? "" : ":", groups[i]);
    }
}

static enum rv_status ip_normalise(const char *text, char *out, struct rv_error *err)
{
    uint8_t octets[16];
    size_t len;
    char normal[46];
    if (strchr(text, '%') != NULL)
        return rv_fail(err, RV_INVALID, "\"%.80s\" is not an IP address: a zone (%%…) means something on one host only",
                       text);
    if (!rv_ip_parse(text, octets, &len))
        return rv_fail(err, RV_INVALID, "\"%.80s\" is not an IP address: expected one like 192.0.2.7 or 2001:db8::7", text);
    if (len == 16 && is_mapped(octets)) {
        rv_ip_text(normal, octets + 12, 4);
        return rv_fail(err, RV_INVALID, "\"%.80s\" is an IPv4 address in IPv6 clothes: write %s", text, normal);
    }
    rv_ip_text(out, octets, len);
    return RV_OK;
}

/* ---- e-mail ---- */

static enum rv_status email_normalise(const char *text, char *out, struct rv_error *err)
{
    const char *at = strrchr(text, '@'), *fault = NULL;
    size_t local = at == NULL ? 0 : (size_t)(at - text);
    char domain[RV_NAME_MAX + 1];
    if (at == NULL || local == 0)
        fault = "expected one like ops@example.com";
    else if (local > LOCAL_PART_MAX || strlen(text) > RV_NAME_MAX)
        fault = "it is too long";
    else if (text[0] == '.' || at[-1] == '.' || memmem(text, local, "..", 2) != NULL)
        fault = "a dot is misplaced before the @";
    for (size_t i = 0; fault == NULL && i < local; i++) { /* RFC 5322 §3.2.3 dot-atom; quoted forms are refused */
        if ((unsigned char)text[i] >= 0x80)
            fault = "only ASCII addresses are supported";
        else if (!is_alpha(text[i]) && !is_digit(text[i]) && strchr("!#$%&'*+-/=?^_`{|}~.", text[i]) == NULL)
            fault = "a character before the @ is not allowed";
    }
    if (fault != NULL)
        return rv_fail(err, RV_INVALID, "\"%.80s\" is not an e-mail address: %s", text, fault);
    enum rv_status status = dns_normalise(at + 1, strlen(at + 1), false, domain, err);
    if (status != RV_OK)
        return rv_error_prefix(err, status, "\"%.80s\" is not an e-mail address", text);
    memcpy(out, text, local + 1);
    memcpy(out + local + 1, domain, strlen(domain) + 1);
    return RV_OK;
}

/* ---- URI ---- */

/* Schemes that mean nothing without a host. */
static const char *const hosted[] = {"http", "https", "ftp", "ldap", "ldaps", "spiffe", "ws", "wss"};

static bool needs_host(const char *scheme)
{
    for (size_t i = 0; i < RV_COUNT(hosted); i++)
        if (strcmp(hosted[i], scheme) == 0)
            return true;
    return false;
}

static bool is_hex(char c)
{
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

/* RFC 3986 §2: unreserved, reserved but '#', and whole percent triples. */
static const char *uri_char_fault(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '%' && !(is_hex(c[1]) && is_hex(c[2])))
            return "\"%\" must be followed by two hexadecimal digits";
        if (*c == '#')
            return "a fragment (#…) has no place in a certificate";
        if (!is_alpha(*c) && !is_digit(*c) && strchr("-._~:/?[]@!$&'()*+,;=%", *c) == NULL)
            return "a character is not allowed: write it as %XX";
    }
    return NULL;
}

/* SPIFFE-ID §2: trust domain of lower-case letters, digits, '.', '-', '_'; no port; plain path segments. */
static const char *spiffe_fault(const char *host, const char *path)
{
    size_t host_len = strcspn(host, "/?");
    if (strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-_") != host_len)
        return "a trust domain has only letters, digits, dots, hyphens and underscores";
    for (const char *c = path; *c != '\0'; c++) {
        if (*c != '/') {
            if (!is_alpha(*c) && !is_digit(*c) && strchr("-._", *c) == NULL)
                return "the path of a SPIFFE ID has only letters, digits, dots, hyphens and underscores";
            continue;
        }
        size_t n = strcspn(c + 1, "/");
        if (n == 0 || (n <= 2 && strspn(c + 1, ".") >= n))
            return "the path of a SPIFFE ID has an empty or dotted segment";
    }
    return NULL;
}

/* Host and port of an authority that ends before `end`: "host", "host:port", "[v6]:port" (RFC 3986 §3.2). */
static const char *authority_fault(const char *host, const char *end)
{
    char copy[RV_NAME_MAX + 1], name[RV_NAME_MAX + 1];
    uint8_t octets[16];
    size_t len = (size_t)(end - host), octet_count;
    int64_t number;
    memcpy(copy, host, len);
    copy[len] = '\0';
    if (strchr(copy, '@') != NULL)
        return "a user before the host is not allowed";
    char *port = strrchr(copy, ':');
    if (copy[0] == '[') {
        char *bracket = strchr(copy, ']');
        if (bracket == NULL || (bracket[1] != '\0' && bracket[1] != ':'))
            return "the brackets around its IPv6 address are broken";
        port = bracket[1] == ':' ? bracket + 1 : NULL;
        *bracket = '\0';
        if (!rv_ip_parse(copy + 1, octets, &octet_count) || octet_count != 16)
            return "what stands in brackets is not an IPv6 address";
    }
    if (port != NULL) {
        *port = '\0';
        if (rv_int_parse(port + 1, 1, 65535, &number, NULL) != RV_OK)
            return "its port is not a number from 1 to 65535";
    }
    if (copy[0] != '[' && !rv_ip_parse(copy, octets, &octet_count) &&
        dns_normalise(copy, strlen(copy), false, name, NULL) != RV_OK)
        return "its host is neither a DNS name nor an IP address";
    return NULL;
}

/* RFC 5280 §4.2.1.6: absolute, with a scheme, and a host where there is an authority. Scheme and host become lower
 * case; the rest is kept as it is, since its meaning is the scheme's. */
static const char *uri_fault(char *uri)
{
    size_t scheme = strspn(uri, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    if (scheme == 0 || uri[scheme] != ':' || !is_alpha(uri[0]) || uri[scheme + 1] == '\0')
        return "expected an absolute one like spiffe://example.org/shop";
    const char *fault = uri_char_fault(uri);
    if (fault != NULL)
        return fault;
    for (size_t i = 0; i < scheme; i++)
        uri[i] = lower(uri[i]);
    char name[RV_NAME_MAX + 1];
    memcpy(name, uri, scheme);
    name[scheme] = '\0';
    char *host = uri + scheme + 1;
    if (!rv_starts_with(host, "//"))
        return needs_host(name) ? "its scheme needs //host after the colon" : NULL;
    host += 2;
    char *end = host + strcspn(host, "/?");
    if (end == host)
        return "its host is empty";
    for (char *c = host; c < end; c++)
        *c = lower(*c);
    return strcmp(name, "spiffe") == 0 ? spiffe_fault(host, end) : authority_fault(host, end);
}

static enum rv_status uri_normalise(const char *text, char *out, struct rv_error *err)
{
    char uri[RV_NAME_MAX + 1];
    size_t len = strlen(text);
    if (len > RV_NAME_MAX)
        return rv_fail(err, RV_INVALID, "\"%.40s…\" is too long for a URI: at most %d characters", text, RV_NAME_MAX);
    memcpy(uri, text, len + 1);
    const char *fault = uri_fault(uri);
    if (fault != NULL)
        return rv_fail(err, RV_INVALID, "\"%.120s\" is not a URI that a certificate can carry: %s", text, fault);
    memcpy(out, uri, len + 1);
    return RV_OK;
}

enum rv_status rv_name_normalise(enum rv_name_type type, const char *text, char out[static RV_NAME_MAX + 1],
                                 struct rv_error *err)
{
    switch (type) {
    case RV_NAME_DNS:
        return dns_normalise(text, strlen(text), true, out, err);
    case RV_NAME_IP:
        return ip_normalise(text, out, err);
    case RV_NAME_URI:
        return uri_normalise(text, out, err);
    case RV_NAME_EMAIL:
        return email_normalise(text, out, err);
    }
    return rv_fail(err, RV_INTERNAL, "name type %d", (int)type);
}

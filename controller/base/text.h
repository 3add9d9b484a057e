/* Text that came from outside: strict numbers, POSIX quoting, UTF-8, and the one way to make it printable. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

/* The whole string, base 10, no sign but '-', no blanks, low <= value <= high. */
RV_MUST_CHECK enum rv_status rv_int_parse(const char *text, int64_t low, int64_t high, int64_t *ret, struct rv_error *err);
/* Appends s as one POSIX shell word in single quotes. The only quoting function of the project (M-40). */
void rv_shell_quote(struct rv_buf *out, const char *s);
bool rv_utf8_valid(const char *s, size_t n); /* no surrogates, no overlong forms, no NUL */
/* Appends s for a terminal or a log line: control characters, bidi overrides and broken UTF-8 become \xNN. */
void rv_printable(struct rv_buf *out, const char *s, size_t n);
/* In place, for text of a fixed size: each octet of what rv_printable would escape becomes a "?", line ends and tabs blanks.
 * The end of a character that a limit cut off goes too. */
void rv_defang(char *s);
bool rv_starts_with(const char *s, const char *prefix);
/* Names of objects: 1 to 63 of a-z 0-9 '-' '.', starting and ending with a letter or digit (as RFC 1123 labels, and as
 * kubectl users expect). */
bool rv_name_valid(const char *s);
/* "host:port" and "[v6]:port": copies the host without brackets; port 1 to 65535, default_port when 0 < it and absent. */
RV_MUST_CHECK enum rv_status rv_hostport_parse(const char *text, int default_port, char host[static 254], int *ret_port,
                                               struct rv_error *err);

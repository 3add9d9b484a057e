/* RFC 3492, decoding only: enough to tell an A-label from a label that merely starts with "xn--". */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* True when the len lower-case characters after "xn--" decode to a label that could be a U-label (RFC 5890 §2.3.2.1):
 * at least one character outside ASCII and none that is unassignable, invisible or changes direction. Which scripts may
 * be mixed is a matter of display, not decided here. */
bool rv_punycode_valid(const char *text, size_t len);

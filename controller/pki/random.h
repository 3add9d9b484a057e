/* Random bytes from the CSPRNG. Nothing works without them: when it fails, the process stops. */
#pragma once
#include <stddef.h>

void rv_random(void *p, size_t n);

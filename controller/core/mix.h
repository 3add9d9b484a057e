/* Spreading without chance: numbers that look random and follow from an id, so that they are the same after a restart
 * and in every process. Not for secrets. */
#pragma once
#include <stdint.h>

#include "base/time.h"

static inline uint64_t rv_mix(uint64_t a, uint64_t b) /* splitmix64 of both */
{
    uint64_t x = a + 0x9e3779b97f4a7c15u * (b + 1);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}
/* A duration from 0 up to and without `whole`, by the mixed number. */
static inline rv_dur rv_mix_share(uint64_t mixed, rv_dur whole)
{
    return whole <= 0 ? 0 : (rv_dur)(mixed % (uint64_t)whole);
}

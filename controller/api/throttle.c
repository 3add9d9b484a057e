#include "api/throttle.h"

#include <string.h>

#include "core/names.h"

/* FNV-1a: spreads; nobody's security hangs on it. */
static uint64_t mix(const void *p, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ ((const uint8_t *)p)[i]) * 0x100000001b3u;
    return h;
}

static uint64_t peer_key(const char *peer)
{
    uint8_t octets[16];
    size_t len = 0;
    if (rv_ip_parse(peer, octets, &len))
        return mix(octets, len == 16 ? 8 : len);
    return mix(peer, strlen(peer));
}

int64_t rv_throttle_wait(const struct rv_throttle *t, const char *peer, int64_t now)
{
    uint64_t key = peer_key(peer);
    size_t i = key % RV_THROTTLE_SLOTS;
    int64_t left = t->slots[i].since + RV_THROTTLE_WINDOW - now;
    return t->slots[i].peer == key && t->slots[i].failures >= RV_THROTTLE_FAILURES && left > 0 ? left : 0;
}

void rv_throttle_failed(struct rv_throttle *t, const char *peer, int64_t now)
{
    uint64_t key = peer_key(peer);
    size_t i = key % RV_THROTTLE_SLOTS;
    if (t->slots[i].peer != key || t->slots[i].failures == 0 || now - t->slots[i].since >= RV_THROTTLE_WINDOW) {
        t->slots[i].peer = key;
        t->slots[i].since = now;
        t->slots[i].failures = 0;
    }
    t->slots[i].failures++;
}

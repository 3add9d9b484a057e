/* How many connections each address holds. */
#include <arpa/inet.h>
#include <string.h>

#include "rt/http_link.h"

#define BUCKETS 1024

struct entry {
    struct entry *next;
    uint8_t key[HTTP_ADDRESS_KEY];
    size_t count;
};
struct http_addresses {
    struct entry *buckets[BUCKETS];
};

struct http_addresses *http_addresses_create(void)
{
    return rv_zalloc(sizeof(struct http_addresses));
}

void http_addresses_destroy(struct http_addresses *addresses)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct entry *e = addresses->buckets[i]; e != NULL;) {
            struct entry *next = e->next;
            rv_free(e);
            e = next;
        }
    rv_free(addresses);
}

/* There are never more entries than connections, so an unlucky bucket is bounded by that cap. */
static struct entry **find(struct http_addresses *addresses, const uint8_t key[HTTP_ADDRESS_KEY])
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < HTTP_ADDRESS_KEY; i++)
        hash = (hash ^ key[i]) * 16777619U;
    struct entry **at = &addresses->buckets[(hash ^ hash >> 16) % BUCKETS];
    while (*at != NULL && memcmp((*at)->key, key, HTTP_ADDRESS_KEY) != 0)
        at = &(*at)->next;
    return at;
}

bool http_addresses_take(struct http_addresses *addresses, const uint8_t key[HTTP_ADDRESS_KEY], size_t most)
{
    struct entry **at = find(addresses, key);
    if (*at == NULL) {
        *at = rv_zalloc(sizeof **at);
        memcpy((*at)->key, key, HTTP_ADDRESS_KEY);
    }
    if ((*at)->count >= most)
        return false;
    (*at)->count++;
    return true;
}

void http_addresses_give(struct http_addresses *addresses, const uint8_t key[HTTP_ADDRESS_KEY])
{
    struct entry **at = find(addresses, key), *e = *at;
    if (e != NULL && --e->count == 0) {
        *at = e->next;
        rv_free(e);
    }
}

bool http_address_key(const struct sockaddr *from, uint8_t key[HTTP_ADDRESS_KEY], char peer[static 64])
{
    const struct sockaddr_in6 *six = (const void *)from;
    const struct sockaddr_in *four = (const void *)from;
    struct in_addr v4 = four->sin_addr;
    memset(key, 0, HTTP_ADDRESS_KEY);
    if (from->sa_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
        inet_ntop(AF_INET6, &six->sin6_addr, peer, 64);
        memcpy(key, &six->sin6_addr, 8);
        return !IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
    }
    if (from->sa_family == AF_INET6)
        memcpy(&v4, six->sin6_addr.s6_addr + 12, 4);
    inet_ntop(AF_INET, &v4, peer, 64);
    key[10] = key[11] = 0xff;
    memcpy(key + 12, &v4, 4);
    return (ntohl(v4.s_addr) >> 24) != 127;
}

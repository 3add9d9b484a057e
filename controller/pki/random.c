#include "pki/random.h"

#include <limits.h>
#include <openssl/rand.h>

#include "pki/crypto_priv.h"

void rv_random(void *p, size_t n)
{
    if (n > INT_MAX || RAND_bytes(p, (int)n) != 1)
        rv_crypto_stop("random numbers"); /* H-9: never go on with bytes that are not random */
}

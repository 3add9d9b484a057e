/* RSA moduli that can be taken apart (K-01, K-03, K-05). Sizes were bounded by rv_spki_read. */
#include <openssl/bn.h>

#include "pki/crypto_priv.h"
#include "pki/keycheck_priv.h"

#define FERMAT_ROUNDS 110
#define SMALL_FACTOR_LIMIT 752

static bool prime(unsigned n)
{
    for (unsigned d = 2; d * d <= n; d++)
        if (n % d == 0)
            return false;
    return n > 1;
}

static bool small_factor(const BIGNUM *n)
{
    for (unsigned p = 3; p < SMALL_FACTOR_LIMIT; p += 2)
        if (prime(p) && BN_mod_word(n, p) == 0)
            return true;
    return false;
}

/* Keys of the broken Infineon library are powers of 65537 modulo each of the small primes (CVE-2017-15361). */
static bool roca(const BIGNUM *n)
{
    for (unsigned p = 3; p <= 167; p += 2) {
        if (!prime(p))
            continue;
        unsigned residue = (unsigned)BN_mod_word(n, p), power = 1;
        do
            power = power * (65537 % p) % p;
        while (power != residue && power != 1);
        if (power != residue)
            return false;
    }
    return true;
}

static unsigned power_mod(unsigned base, unsigned exponent, unsigned m)
{
    unsigned long long r = 1, b = base % m;
    for (; exponent > 0; exponent >>= 1, b = b * b % m)
        if (exponent & 1)
            r = r * b % m;
    return (unsigned)r;
}

/* Whether n is a k-th power, k an odd prime: then it is a k-th power residue modulo every prime q = 1 mod k. A number
 * that is none fails one of the first few; that many in a row do not happen by chance. */
static bool is_power(const BIGNUM *n, unsigned k)
{
    int agreed = 0;
    for (unsigned q = 2 * k + 1; agreed < 64; q += 2 * k) {
        if (!prime(q))
            continue;
        unsigned residue = (unsigned)BN_mod_word(n, q);
        if (residue != 0 && power_mod(residue, (q - 1) / k, q) != 1)
            return false;
        agreed++;
    }
    return true;
}

static bool prime_power(const BIGNUM *n)
{
    /* Without factors below 752 an exponent above bits / 9 is impossible; squares are found by the first Fermat round. */
    for (unsigned k = 3; k <= (unsigned)BN_num_bits(n) / 9; k += 2)
        if (prime(k) && is_power(n, k))
            return true;
    return false;
}

/* root = floor(sqrt(n)), by Newton from above. */
static bool square_root(BIGNUM *root, const BIGNUM *n, BN_CTX *ctx)
{
    if (BN_is_zero(n))
        return BN_set_word(root, 0) == 1;
    BN_CTX_start(ctx);
    BIGNUM *next = BN_CTX_get(ctx);
    bool good = next != NULL && BN_set_word(root, 1) && BN_lshift(root, root, (BN_num_bits(n) + 1) / 2);
    while (good) {
        good = BN_div(next, NULL, n, root, ctx) && BN_add(next, next, root) && BN_rshift1(next, next);
        if (!good || BN_cmp(next, root) >= 0)
            break;
        good = BN_copy(root, next) != NULL;
    }
    BN_CTX_end(ctx);
    return good;
}

/* Cheap filters first: they leave about one number in a hundred. */
static bool maybe_square(const BIGNUM *n)
{
    static const unsigned char modulo[] = {64, 63, 65, 11, 17, 19};
    for (size_t i = 0; i < sizeof modulo; i++) {
        unsigned m = modulo[i], residue = (unsigned)BN_mod_word(n, m), r = 0;
        while (r < m && r * r % m != residue)
            r++;
        if (r == m)
            return false;
    }
    return true;
}

/* a² - n is a square for an a close above sqrt(n): the primes are close to each other. */
static bool close_primes(const BIGNUM *n, BN_CTX *ctx)
{
    BN_CTX_start(ctx);
    BIGNUM *a = BN_CTX_get(ctx), *rest = BN_CTX_get(ctx), *root = BN_CTX_get(ctx), *square = BN_CTX_get(ctx);
    bool found = false;
    bool good = square != NULL && square_root(a, n, ctx) && BN_sqr(rest, a, ctx);
    if (good && BN_cmp(rest, n) < 0)
        good = BN_add_word(a, 1) && BN_sqr(rest, a, ctx);
    good = good && BN_sub(rest, rest, n);
    for (int i = 0; good && !found && i < FERMAT_ROUNDS; i++) {
        if (maybe_square(rest))
            good = square_root(root, rest, ctx) && BN_sqr(square, root, ctx) && (found = BN_cmp(square, rest) == 0, true);
        /* (a + 1)² - n = a² - n + 2a + 1 */
        good = good && BN_add(rest, rest, a) && BN_add(rest, rest, a) && BN_add_word(rest, 1) && BN_add_word(a, 1);
    }
    BN_CTX_end(ctx);
    if (!good)
        rv_crypto_stop("big numbers");
    return found;
}

const char *rv_rsa_fault(const struct rv_spki *spki, const char **ret_rule)
{
    static const uint8_t f4[] = {0x01, 0x00, 0x01};
    *ret_rule = "K-01";
    if (spki->bits < 2048)
        return "the RSA key is shorter than 2048 bits";
    if (spki->bits > 8192)
        return "the RSA key is longer than 8192 bits";
    if (spki->bits % 8 != 0)
        return "the size of the RSA key is no multiple of 8 bits";
    if (!rv_bytes_equal(spki->exponent, RV_BYTES(f4, sizeof f4)))
        return "the RSA exponent is not 65537";
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *n = BN_bin2bn(spki->modulus.ptr, (int)spki->modulus.len, NULL);
    if (ctx == NULL || n == NULL)
        rv_crypto_stop("big numbers");
    const char *fault = NULL;
    if (!BN_is_odd(n))
        fault = "the RSA modulus is even";
    else if (small_factor(n))
        fault = "the RSA modulus has a factor below 752";
    else if (prime_power(n))
        fault = "the RSA modulus is the power of a prime";
    else if (roca(n))
        *ret_rule = "K-03", fault = "the RSA key was made by a broken generator (ROCA) and can be factored";
    else if (close_primes(n, ctx))
        *ret_rule = "K-05", fault = "the primes of the RSA key are too close to each other";
    BN_free(n);
    BN_CTX_free(ctx);
    return fault;
}

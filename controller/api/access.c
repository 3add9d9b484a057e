/* Making and taking apart what people and programs show to be let in. */
#include "api/identity.h"

#include "base/secret.h"
#include "pki/digest.h"

void rv_fresh_make(struct rv_fresh *ret, rv_digest_fn digest, void (*random)(void *, size_t))
{
    uint8_t id[(RV_ID_TEXT - 1) / 2], secret[RV_SECRET_SIZE];
    random(id, sizeof id);
    random(secret, sizeof secret);
    rv_hex(ret->id, id, sizeof id);
    rv_hex(ret->secret, secret, sizeof secret);
    digest(rv_bytes_of(ret->secret), &ret->hash);
    rv_wipe(secret, sizeof secret);
}

bool rv_secret_split(const char *text, char separator, rv_digest_fn digest, char id[static 33], struct rv_hash *ret_hash)
{
    const char *at = strchr(text, separator);
    if (at == NULL || at == text || at - text > 32 || strlen(at + 1) != 2 * RV_SECRET_SIZE)
        return false;
    size_t n = (size_t)(at - text);
    if (strspn(text, "0123456789abcdef") != n || strspn(at + 1, "0123456789abcdef") != 2 * RV_SECRET_SIZE)
        return false;
    memcpy(id, text, n);
    id[n] = '\0';
    digest(rv_bytes_of(at + 1), ret_hash);
    return true;
}

void rv_csrf_of(const struct rv_hash *secret, rv_digest_fn digest, char ret[static RV_HASH_TEXT])
{
    static const char label[] = "reeve csrf";
    uint8_t in[sizeof label + RV_HASH_SIZE];
    struct rv_hash out;
    memcpy(in, label, sizeof label);
    memcpy(in + sizeof label, secret->b, RV_HASH_SIZE);
    digest(RV_BYTES(in, sizeof in), &out);
    rv_hash_hex(ret, &out);
}

bool rv_hash_same_secret(const struct rv_hash *a, const struct rv_hash *b)
{
    return rv_equal_secret(RV_BYTES(a->b, RV_HASH_SIZE), RV_BYTES(b->b, RV_HASH_SIZE));
}

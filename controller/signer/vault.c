#include "signer/vault.h"

#include <stdio.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "pki/digest.h"
#include "pki/pem.h"
#include "pki/random.h"

#define KEY_FILE_MAX ((size_t)16 * 1024)
#define KEK_MIN 32
#define KEK_MAX 1024
#define ROOT_YEARS 10
#define ISSUING_YEARS 5

struct rv_vault {
    struct rv_files files;
    char *directory;
    struct rv_secret *passphrase;
    struct rv_vault_issuer issuer; /* name empty: not set up */
};

/* DIR/signer/<…>, given. */
static char *path_of(const struct rv_vault *v, const char *folder, const char *name, const char *suffix)
{
    struct rv_buf path = {0};
    rv_buf_printf(&path, "%s/%s%s%s%s", v->directory, folder, folder[0] != '\0' ? "/" : "", name, suffix);
    return rv_buf_take(&path);
}

static enum rv_status read_file(const struct rv_vault *v, const char *folder, const char *name, const char *suffix,
                                struct rv_buf *ret, struct rv_error *err)
{
    RV_AUTO(char) char *path = path_of(v, folder, name, suffix);
    enum rv_status status = v->files.ops->read(v->files.ctx, path, KEY_FILE_MAX, ret, err);
    return status == RV_OK ? RV_OK : rv_error_where(err, status, "%s", path);
}

static enum rv_status write_file(const struct rv_vault *v, const char *folder, const char *name, const char *suffix,
                                 struct rv_bytes content, unsigned mode, struct rv_error *err)
{
    RV_AUTO(char) char *path = path_of(v, folder, name, suffix);
    enum rv_status status = v->files.ops->replace(v->files.ctx, path, content, mode, err);
    return status == RV_OK ? RV_OK : rv_error_where(err, status, "%s", path);
}

/* ---- the passphrase ---- */

/* The first line of the file, without its end. */
static enum rv_status take_passphrase(struct rv_vault *v, const char *path, struct rv_buf *text, struct rv_error *err)
{
    size_t n = 0;
    while (n < text->len && text->data[n] != '\n' && text->data[n] != '\r')
        n++;
    if (n < KEK_MIN || n > KEK_MAX) {
        rv_fail(err, RV_INVALID, "a passphrase of %zu octets for the signer's keys: expected %d to %d on the first line", n,
                KEK_MIN, KEK_MAX);
        return rv_error_where(err, RV_INVALID, "%s", path);
    }
    v->passphrase = rv_secret_create(text->data, n);
    return RV_OK;
}

static enum rv_status make_kek(struct rv_vault *v, const char *path, struct rv_error *err)
{
    uint8_t random[32];
    char text[2 * sizeof random + 2];
    rv_random(random, sizeof random);
    rv_hex(text, random, sizeof random);
    text[sizeof text - 2] = '\n';
    enum rv_status status = v->files.ops->replace(v->files.ctx, path, RV_BYTES(text, sizeof text - 1), 0600, err);
    if (status == RV_OK)
        v->passphrase = rv_secret_create(text, sizeof text - 2);
    rv_wipe(random, sizeof random);
    rv_wipe(text, sizeof text);
    return status;
}

static enum rv_status no_kek(const char *path, struct rv_error *err)
{
    rv_fail(err, RV_CONFLICT, "there are CA keys, but not the passphrase that opens them");
    rv_error_where(err, RV_CONFLICT, "%s", path);
    return rv_error_hint(err, RV_CONFLICT, "put the file back, or name it with --kek-file");
}

static enum rv_status load_kek(struct rv_vault *v, const char *kek_file, struct rv_error *err)
{
    RV_AUTO(char) char *path = kek_file != NULL ? rv_strdup(kek_file) : path_of(v, "", "kek", "");
    struct rv_buf text = {0}, root = {0};
    enum rv_status status = v->files.ops->read(v->files.ctx, path, KEK_MAX + 2, &text, err);
    if (status == RV_OK) {
        status = take_passphrase(v, path, &text, err);
    } else if (status == RV_NOT_FOUND && kek_file == NULL) {
        status = read_file(v, "root", "root.key.pem", "", &root, NULL) == RV_NOT_FOUND ? make_kek(v, path, err)
                                                                                       : no_kek(path, err);
        RV_FAILPOINT("signer.setup.kek");
    }
    rv_buf_wipe_fini(&text);
    rv_buf_fini(&root);
    return status;
}

/* ---- keys and certificates ---- */

static enum rv_status load_key(const struct rv_vault *v, const char *folder, const char *name, struct rv_key **ret,
                               struct rv_error *err)
{
    struct rv_buf pem = {0};
    enum rv_status status = read_file(v, folder, name, ".key.pem", &pem, err);
    if (status == RV_OK) {
        status = rv_key_from_pem(rv_buf_bytes(&pem), v->passphrase, ret, err);
        if (status != RV_OK)
            rv_error_where(err, status, "%s/%s/%s.key.pem", v->directory, folder, name);
    }
    rv_buf_wipe_fini(&pem);
    return status;
}

/* The key that is there already, from a setup that was interrupted, or a new one. */
static enum rv_status obtain_key(const struct rv_vault *v, const char *folder, const char *name, struct rv_key **ret,
                                 struct rv_error *err)
{
    enum rv_status status = load_key(v, folder, name, ret, err);
    if (status != RV_NOT_FOUND)
        return status;
    static const struct rv_key_spec p256 = {.algorithm = RV_KEY_ECDSA, .size = 256};
    RV_AUTO(rv_key) struct rv_key *key = NULL;
    struct rv_buf pem = {0};
    status = rv_key_generate(&p256, &key, err);
    if (status == RV_OK)
        status = rv_key_to_pem(key, v->passphrase, &pem, err);
    if (status == RV_OK)
        status = write_file(v, folder, name, ".key.pem", rv_buf_bytes(&pem), 0600, err);
    rv_buf_wipe_fini(&pem);
    if (status == RV_OK)
        *ret = RV_TAKE(key);
    return status;
}

/* The first certificate of the PEM must belong to the key. */
static enum rv_status take_issuer(struct rv_vault *v, const char *name, struct rv_key *key, struct rv_bytes chain_pem,
                                  struct rv_error *err)
{
    RV_AUTO(rv_ca) struct rv_ca *ca = NULL;
    struct rv_buf all = {0};
    int count;
    struct rv_bytes rest, first = {0};
    enum rv_status status = rv_pem_all(chain_pem, RV_PEM_CERTIFICATE, &all, &count, err);
    rest = rv_buf_bytes(&all);
    if (status == RV_OK && !rv_chain_next(&rest, &first))
        status = rv_fail(err, RV_INVALID, "no certificate in the chain of issuer %s", name);
    if (status == RV_OK)
        status = rv_ca_create(first, &ca, err);
    if (status == RV_OK && !rv_hash_equal(rv_ca_spki_hash(ca), rv_key_spki_hash(key)))
        status = rv_fail(err, RV_CONFLICT, "the certificate of issuer %s does not belong to its key", name);
    if (status == RV_OK) {
        strncpy(v->issuer.name, name, sizeof v->issuer.name - 1);
        v->issuer.key = key;
        v->issuer.ca = RV_TAKE(ca);
        rv_buf_add(&v->issuer.chain_pem, chain_pem.ptr, chain_pem.len);
        memcpy(v->issuer.tag, rv_key_spki_hash(key)->b, sizeof v->issuer.tag);
    }
    rv_buf_fini(&all);
    return status;
}

/* ---- opening ---- */

static enum rv_status load_issuer(struct rv_vault *v, const char *name, struct rv_error *err)
{
    struct rv_buf chain = {0};
    struct rv_key *key = NULL;
    enum rv_status status = read_file(v, "issuers", name, ".pem", &chain, err);
    if (status == RV_OK)
        status = load_key(v, "issuers", name, &key, err);
    if (status == RV_OK)
        status = take_issuer(v, name, key, rv_buf_bytes(&chain), err);
    if (status != RV_OK)
        rv_key_destroy(key);
    rv_buf_fini(&chain);
    return status;
}

/* Which issuer there is stands in a file of its own: the port has no way to list a folder. */
static enum rv_status load_current(struct rv_vault *v, struct rv_error *err)
{
    struct rv_buf name = {0};
    enum rv_status status = read_file(v, "issuers", "current", "", &name, err);
    if (status == RV_OK)
        status = rv_name_valid(rv_buf_text(&name))
                     ? load_issuer(v, rv_buf_text(&name), err)
                     : rv_fail(err, RV_CONFLICT, "%s/issuers/current names no issuer", v->directory);
    else if (status == RV_NOT_FOUND)
        status = RV_OK;
    rv_buf_fini(&name);
    return status;
}

enum rv_status rv_vault_open(const struct rv_vault_options *options, struct rv_vault **ret, struct rv_error *err)
{
    struct rv_vault *v = rv_zalloc(sizeof *v);
    v->files = *options->files;
    v->directory = rv_strdup(options->directory);
    static const char *const folders[] = {"", "root", "issuers", "journal"};
    enum rv_status status = RV_OK;
    for (size_t i = 0; i < RV_COUNT(folders) && status == RV_OK; i++) {
        RV_AUTO(char) char *path = folders[i][0] == '\0' ? rv_strdup(v->directory) : path_of(v, "", folders[i], "");
        status = v->files.ops->make_dir(v->files.ctx, path, 0700, err);
    }
    if (status == RV_OK)
        status = load_kek(v, options->kek_file, err);
    if (status == RV_OK)
        status = load_current(v, err);
    if (status == RV_OK)
        *ret = v;
    else
        rv_vault_close(v);
    return status;
}

void rv_vault_close(struct rv_vault *vault)
{
    if (vault == NULL)
        return;
    rv_key_destroy(vault->issuer.key);
    rv_ca_destroy(vault->issuer.ca);
    rv_buf_fini(&vault->issuer.chain_pem);
    rv_secret_destroy(vault->passphrase);
    rv_free(vault->directory);
    rv_free(vault);
}

const struct rv_vault_issuer *rv_vault_issuer(const struct rv_vault *vault)
{
    return vault->issuer.name[0] != '\0' ? &vault->issuer : NULL;
}

/* ---- setup ---- */

/* Journals, signs with `key`, checks the result, and puts the certificate together. */
static enum rv_status sign_ca(struct rv_journal *journal, const struct rv_key *key, struct rv_bytes tbs,
                              const uint8_t *serial, rv_time now, struct rv_buf *ret_pem, struct rv_buf *ret_der,
                              struct rv_error *err)
{
    struct rv_journal_entry entry = {.at = now};
    memcpy(entry.issuer, rv_key_spki_hash(key)->b, sizeof entry.issuer);
    memcpy(entry.serial, serial, sizeof entry.serial);
    rv_sha256(tbs, &entry.tbs);
    struct rv_buf signature = {0};
    struct rv_spki spki;
    enum rv_status status = rv_journal_append(journal, &entry, 1, err);
    if (status == RV_OK)
        status = rv_key_sign(key, tbs, &signature, err);
    if (status == RV_OK) {
        rv_cert_assemble(tbs, rv_key_signature_algorithm(key), rv_buf_bytes(&signature), ret_der);
        status = rv_spki_read(rv_key_spki(key), &spki, err);
    }
    if (status == RV_OK)
        status = rv_cert_verify(rv_buf_bytes(ret_der), &spki, err);
    if (status == RV_OK)
        rv_pem_add(ret_pem, RV_PEM_CERTIFICATE, rv_buf_bytes(ret_der));
    rv_buf_fini(&signature);
    return status;
}

/* Whole days before now, so that a clock that is a little behind elsewhere does not refuse a fresh root (B-02). */
static void ca_times(struct rv_ca_wish *wish, rv_time now, int years)
{
    wish->not_before = now - now % 1000 - RV_HOUR(1);
    struct rv_civil end = rv_civil_of(wish->not_before);
    end.year += years;
    if (end.month == 2 && end.day == 29)
        end.day = 28;
    wish->not_after = rv_time_of_civil(&end) - 1000; /* both ends are inclusive */
}

static enum rv_status make_root(struct rv_vault *v, const struct rv_key *key, rv_time now, struct rv_journal *journal,
                                struct rv_buf *ret_pem, struct rv_buf *ret_der, struct rv_error *err)
{
    char instance[9], name[64];
    rv_hex(instance, rv_key_spki_hash(key)->b, 4);
    snprintf(name, sizeof name, "Reeve Root %s", instance);
    struct rv_ca_wish wish = {.common_name = name, .organization = "Reeve", .spki = rv_key_spki(key), .path_length = -1};
    ca_times(&wish, now, ROOT_YEARS);
    rv_serial_make(wish.serial);
    struct rv_buf tbs = {0};
    enum rv_status status = rv_tbs_root(&wish, rv_key_signature_algorithm(key), &tbs, err);
    if (status == RV_OK)
        status = sign_ca(journal, key, rv_buf_bytes(&tbs), wish.serial, now, ret_pem, ret_der, err);
    if (status == RV_OK)
        status = write_file(v, "root", "root", ".pem", rv_buf_bytes(ret_pem), 0644, err);
    rv_buf_fini(&tbs);
    return status;
}

static enum rv_status obtain_root(struct rv_vault *v, const struct rv_key *key, rv_time now, struct rv_journal *journal,
                                  struct rv_buf *ret_pem, struct rv_buf *ret_der, struct rv_error *err)
{
    enum rv_status status = read_file(v, "root", "root", ".pem", ret_pem, err);
    if (status == RV_NOT_FOUND)
        return make_root(v, key, now, journal, ret_pem, ret_der, err);
    if (status == RV_OK)
        status = rv_pem_one(rv_buf_bytes(ret_pem), RV_PEM_CERTIFICATE, ret_der, err);
    return status;
}

/* Appends the issuing certificate to *ret_pem. */
static enum rv_status make_issuing(const struct rv_key *root_key, struct rv_bytes root_der, const struct rv_key *key,
                                   const char *name, rv_time now, struct rv_journal *journal, struct rv_buf *ret_pem,
                                   struct rv_error *err)
{
    RV_AUTO(rv_ca) struct rv_ca *root = NULL;
    enum rv_status status = rv_ca_create(root_der, &root, err);
    if (status != RV_OK)
        return status;
    char instance[9], common_name[64];
    rv_hex(instance, rv_key_spki_hash(root_key)->b, 4);
    snprintf(common_name, sizeof common_name, "Reeve %.40s %s", name, instance);
    struct rv_ca_wish wish = {.common_name = common_name,
                              .organization = "Reeve",
                              .spki = rv_key_spki(key),
                              .path_length = 0,
                              .server_and_client = true};
    ca_times(&wish, now, ISSUING_YEARS);
    if (wish.not_before < rv_ca_not_before(root))
        wish.not_before = rv_ca_not_before(root);
    rv_serial_make(wish.serial);
    struct rv_buf tbs = {0}, der = {0};
    status = rv_tbs_issuing(root, &wish, &tbs, err);
    if (status == RV_OK)
        status = sign_ca(journal, root_key, rv_buf_bytes(&tbs), wish.serial, now, ret_pem, &der, err);
    rv_buf_fini(&tbs);
    rv_buf_fini(&der);
    return status;
}

/* Everything that needs the root key; it is gone when this returns. */
static enum rv_status certify(struct rv_vault *v, const struct rv_key *key, const char *name, rv_time now,
                              struct rv_journal *journal, struct rv_buf *ret_chain, struct rv_error *err)
{
    RV_AUTO(rv_key) struct rv_key *root_key = NULL;
    struct rv_buf root_pem = {0}, root_der = {0};
    enum rv_status status = obtain_key(v, "root", "root", &root_key, err);
    RV_FAILPOINT("signer.setup.root_key");
    if (status == RV_OK)
        status = obtain_root(v, root_key, now, journal, &root_pem, &root_der, err);
    RV_FAILPOINT("signer.setup.root");
    if (status == RV_OK)
        status = make_issuing(root_key, rv_buf_bytes(&root_der), key, name, now, journal, ret_chain, err);
    if (status == RV_OK)
        rv_buf_add(ret_chain, root_pem.data, root_pem.len);
    rv_buf_fini(&root_pem);
    rv_buf_fini(&root_der);
    return status;
}

enum rv_status rv_vault_setup(struct rv_vault *vault, const char *name, rv_time now, struct rv_journal *journal,
                              struct rv_error *err)
{
    if (vault->issuer.name[0] != '\0')
        return strcmp(vault->issuer.name, name) == 0
                   ? RV_OK
                   : rv_fail(err, RV_DENIED, "the issuing CA of this signer is %s: it makes no other", vault->issuer.name);
    RV_AUTO(rv_key) struct rv_key *key = NULL;
    struct rv_buf chain = {0};
    enum rv_status status = obtain_key(vault, "issuers", name, &key, err);
    RV_FAILPOINT("signer.setup.issuing_key");
    if (status == RV_OK)
        status = certify(vault, key, name, now, journal, &chain, err);
    if (status == RV_OK)
        status = write_file(vault, "issuers", name, ".pem", rv_buf_bytes(&chain), 0644, err);
    RV_FAILPOINT("signer.setup.chain");
    if (status == RV_OK)
        status = write_file(vault, "issuers", "current", "", rv_bytes_of(name), 0644, err);
    RV_FAILPOINT("signer.setup.done");
    if (status == RV_OK)
        status = take_issuer(vault, name, key, rv_buf_bytes(&chain), err);
    if (status == RV_OK)
        key = NULL; /* the vault's now */
    rv_buf_fini(&chain);
    return status;
}

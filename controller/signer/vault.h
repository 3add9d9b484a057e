/* Where the signer keeps its keys, under DIR/signer:
 *   kek                   the passphrase of the key files, 64 hex digits of 32 random octets, mode 0600, made on first
 *                         use unless the operator names a file of their own
 *   root/root.key.pem     the root key, encrypted PKCS#8; read during setup only and dropped from memory at once
 *   root/root.pem         the root certificate
 *   issuers/NAME.key.pem  an issuing key, encrypted PKCS#8
 *   issuers/NAME.pem      issuing certificate, then root: what setup answers; its presence completes the setup
 *   journal/journal       what was signed (signer/journal.h)
 * A key file next to its own kek protects a copied key file and nothing more; see docs/internals/issuing.md. */
#pragma once
#include "pki/certificate.h"
#include "pki/key.h"
#include "port/files.h"
#include "signer/journal.h"

struct rv_vault;
struct rv_vault_options { /* texts copied */
    const struct rv_files *files;
    const char *directory; /* DIR/signer */
    const char *kek_file;  /* NULL: directory/kek */
};
struct rv_vault_issuer {
    char name[64];
    struct rv_key *key;
    struct rv_ca *ca;
    struct rv_buf chain_pem;
    uint8_t tag[RV_JOURNAL_TAG];
};
/* Makes the folders and the kek on first use, loads the issuing key when there is one. RV_DENIED: the kek does not open
 * the key. RV_CONFLICT: keys without their kek, or a certificate that does not belong to its key. */
RV_MUST_CHECK enum rv_status rv_vault_open(const struct rv_vault_options *options, struct rv_vault **ret,
                                           struct rv_error *err);
void rv_vault_close(struct rv_vault *vault); /* NULL is fine */
/* The issuing CA, borrowed; NULL before setup. */
const struct rv_vault_issuer *rv_vault_issuer(const struct rv_vault *vault);
/* First use: makes the root and the issuing CA `name`. Serials go to the journal before they are signed. May be repeated
 * after a crash at any point. RV_DENIED when there is an issuing CA of another name: no daemon may have a second one
 * made (B-31). */
RV_MUST_CHECK enum rv_status rv_vault_setup(struct rv_vault *vault, const char *name, rv_time now,
                                            struct rv_journal *journal, struct rv_error *err);

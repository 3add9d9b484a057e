/* Distinguished names: DER Name to text and back. */
#pragma once
#include "base/arena.h"
#include "base/bytes.h"
#include "pki/der_priv.h"

struct rv_attribute { /* one AttributeTypeAndValue */
    struct rv_bytes oid;
    struct rv_der value;
    bool last_of_rdn;
};
/* Walks a Name that passed the walker: *rest begins as the contents of the outer SEQUENCE, *rdn empty. */
bool rv_attribute_next(struct rv_bytes *rest, struct rv_bytes *rdn, struct rv_attribute *ret);
/* NULL, or what is wrong with a Name: framing, empty RDN, string types and lengths of what we know. */
const char *rv_subject_fault(struct rv_bytes der);
/* RFC 4514 text, printable; "" for an empty name. *ret_cn (may be NULL) is the last CN, NULL when there is none. */
const char *rv_subject_text(struct rv_bytes der, struct rv_arena *arena, const char **ret_cn);
/* Name with organization (may be NULL) and common name (may be NULL), as UTF8String or PrintableString. */
void rv_subject_put(struct rv_buf *buf, const char *organization, const char *common_name);
extern const struct rv_bytes rv_oid_common_name;

/* The linter: rules over to-be-signed bytes, before they are signed (B-29). Pure and bounded. The CA asks it, and the
 * signer asks it again. A rule's id is that of the standards it comes from; rules that only public TLS knows are not
 * part of the private profile. */
#pragma once
#include "pki/certificate.h"

struct rv_lint_facts; /* the decoded certificate, inside pki */
struct rv_lint {
    const char *id;   /* "X-05" */
    const char *text; /* what must hold */
    /* False when it does not, with a few words about what was found. */
    bool (*holds)(const struct rv_lint_facts *facts, char *detail, size_t size);
};
extern const struct rv_lint rv_lints[];
extern const size_t rv_lint_count;

#define RV_LINT_MAX 16
struct rv_lint_finding {
    const struct rv_lint *lint; /* NULL: the bytes cannot be decoded at all */
    char detail[120];
};
struct rv_lint_report {
    size_t count; /* findings kept, at most RV_LINT_MAX */
    struct rv_lint_finding items[RV_LINT_MAX];
};
/* ca NULL: the certificate must be self-signed (a root). RV_DENIED when any rule fails, with the first findings in err
 * ("X-05: …") and all in *report (may be NULL). */
RV_MUST_CHECK enum rv_status rv_lint_tbs(struct rv_bytes tbs, const struct rv_ca *ca, struct rv_lint_report *report,
                                         struct rv_error *err);

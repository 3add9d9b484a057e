/* What the rules look at: the certificate, taken apart once. */
#pragma once
#include "pki/lint.h"
#include "pki/tbs_priv.h"

struct rv_lint_facts {
    struct rv_bytes tbs;
    struct rv_tbs_parts p;
    const struct rv_ca *ca; /* NULL: must be self-signed */
    bool constraints_good, is_ca;
    int path_length;
    bool usage_present, usage_good;
    unsigned usage;
    bool times_good;
    rv_time not_before, not_after;
    enum rv_status key_status; /* of spki */
    struct rv_error key_error;
    struct rv_spki spki;
    bool subject_empty;
};
/* The extension, or NULL. */
static inline const struct rv_extension *rv_lint_find(const struct rv_lint_facts *f, struct rv_bytes oid)
{
    return rv_tbs_extension(&f->p, oid);
}
/* For `holds`: says what was found and answers false. */
bool rv_lint_no(char *detail, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Rules over extensions (lint_extension.c) and names (lint_name.c). */
typedef bool rv_lint_fn(const struct rv_lint_facts *f, char *detail, size_t size);
rv_lint_fn rv_lint_known, rv_lint_once, rv_lint_defaults, rv_lint_values, rv_lint_aki, rv_lint_ski, rv_lint_key_usage,
    rv_lint_policies, rv_lint_basic_constraints, rv_lint_name_constraints, rv_lint_policy_constraints, rv_lint_eku,
    rv_lint_eku_purposes, rv_lint_crl_points, rv_lint_aia, rv_lint_tls_feature, rv_lint_no_rev_avail, rv_lint_nocheck;
rv_lint_fn rv_lint_san, rv_lint_san_names, rv_lint_common_name, rv_lint_wildcards;

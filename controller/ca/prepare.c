/* From a request to the exact bytes that are to be signed, on the crypto lane. */
#include "ca/authority_priv.h"

#include <stdio.h>

#include "base/failpoint.h"
#include "core/manifest.h"
#include "pki/digest.h"
#include "pki/lint.h"
#include "pki/pem.h"

struct look { /* what one read of the store gives a batch */
    struct rv_authority *authority;
    struct job **jobs;
    size_t count;
    struct rv_profile *profiles[RV_CA_BATCH];
};

/* ---- what the store knows ---- */

static void pem_of(struct job *job)
{
    struct rv_buf pem = {0};
    rv_pem_add(&pem, RV_PEM_CERTIFICATE, job->der);
    job->pem = rv_arena_strdup(job->arena, rv_buf_text(&pem));
    rv_buf_fini(&pem);
}

static struct rv_bytes copy_of(struct job *job, struct rv_bytes b)
{
    return b.len == 0 ? RV_BYTES(NULL, 0) : RV_BYTES(rv_arena_memdup(job->arena, b.ptr, b.len), b.len);
}

void rv_job_adopt(struct job *job, const struct rv_cert_row *row)
{
    job->id = row->id;
    job->resumed = true;
    snprintf(job->serial, sizeof job->serial, "%s", row->serial);
    snprintf(job->profile, sizeof job->profile, "%s", row->profile);
    job->spki = row->spki;
    job->not_before = row->not_before;
    job->not_after = row->not_after;
    job->tbs = copy_of(job, row->tbs);
    if (row->state == RV_CERT_ISSUED) {
        job->der = copy_of(job, row->der);
        job->fingerprint = row->fingerprint;
        pem_of(job);
        job->stage = ANSWER;
    } else if (row->state == RV_CERT_INTENT) {
        job->stage = SIGN;
    } else if (job->request == NULL) {
        job->status = rv_fail(&job->err, RV_NOT_FOUND, "the signer refused it; it was never issued");
    } else {
        job->status = rv_fail(&job->err, RV_DENIED, "the signer refused this request before");
        rv_error_hint(&job->err, RV_DENIED, "ask with a new idempotency key once the cause is removed");
    }
}

/* An intent or certificate under this key: the same wish, or somebody used the key twice. */
static void compare(struct job *job, const struct rv_cert_row *row)
{
    struct rv_csr csr;
    if (job->request == NULL)
        return;
    job->status = rv_csr_read(job->request->csr, job->arena, &csr, &job->err);
    if (job->status == RV_OK &&
        (!rv_hash_equal(&csr.spki_hash, &row->spki) || strcmp(job->request->profile, row->profile) != 0))
        job->status = rv_fail(&job->err, RV_CONFLICT, "the idempotency key was used for another request");
}

/* Most of a batch ask for the same profile. */
static void profile_of(struct look *look, size_t number, struct rv_tx *tx)
{
    struct job *job = look->jobs[number], *before = number > 0 ? look->jobs[number - 1] : NULL;
    if (before != NULL && look->profiles[number - 1] != NULL && strcmp(before->request->profile, job->request->profile) == 0)
        look->profiles[number] = rv_profile_retain(look->profiles[number - 1]);
    else
        job->status =
            rv_profiles_get(look->authority->profiles, tx, job->request->profile, &look->profiles[number], &job->err);
}

static void look_at(struct look *look, size_t number, struct rv_tx *tx)
{
    struct job *job = look->jobs[number];
    struct rv_cert_row row = {0};
    enum rv_status status = RV_NOT_FOUND;
    if (job->idempotency_key != NULL)
        status = rv_cert_by_key(tx, look->authority->issuer, job->idempotency_key, &row, &job->err);
    if (status == RV_OK) {
        compare(job, &row);
        if (job->status == RV_OK)
            rv_job_adopt(job, &row);
        rv_cert_row_fini(&row);
    } else if (status != RV_NOT_FOUND) {
        job->status = status;
    } else if (job->request == NULL) {
        job->status = rv_fail(&job->err, RV_NOT_FOUND, "nothing was asked for under this key");
    } else {
        profile_of(look, number, tx);
    }
}

static enum rv_status look_tx(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)err;
    struct look *look = arg;
    for (size_t i = 0; i < look->count; i++)
        if (look->jobs[i]->status == RV_OK)
            look_at(look, i, tx);
    return RV_OK;
}

/* ---- building ---- */

static enum rv_status make_wish(struct job *job, const struct rv_csr *csr, struct rv_cert_names *names, struct rv_wish *ret)
{
    const struct rv_certificate_spec *wanted = job->request->wanted;
    *ret = rv_wish_of_csr(csr);
    ret->duration = job->request->duration;
    if (wanted == NULL)
        return RV_OK;
    if (ret->duration == 0)
        ret->duration = wanted->duration;
    enum rv_status status = rv_cert_names_of_spec(wanted, job->arena, names, &job->err);
    if (status != RV_OK)
        return status;
    if (!rv_cert_names_equal(names, &csr->names)) {
        char has[160], wants[160];
        rv_fail(&job->err, RV_DENIED, "the request asks for other names than are declared: it has %s, declared are %s",
                rv_cert_names_text(&csr->names, has, sizeof has), rv_cert_names_text(names, wants, sizeof wants));
        return rv_error_where(&job->err, RV_DENIED, "subjectAltName");
    }
    if (csr->common_name != NULL && (wanted->common_name == NULL || strcmp(csr->common_name, wanted->common_name) != 0)) {
        rv_fail(&job->err, RV_DENIED, "the request asks for the common name %.80s, which is not declared", csr->common_name);
        return rv_error_where(&job->err, RV_DENIED, "subject");
    }
    ret->names = names;
    ret->common_name = wanted->common_name;
    return RV_OK;
}

static void describe(struct job *job, const struct rv_leaf *leaf)
{
    char *names = rv_cert_names_json(leaf->names);
    job->names = rv_arena_strdup(job->arena, names);
    rv_free(names);
    job->subject = leaf->common_name != NULL ? rv_arena_printf(job->arena, "CN=%s", leaf->common_name) : "";
    rv_serial_text(job->serial, leaf->serial, sizeof leaf->serial);
    snprintf(job->profile, sizeof job->profile, "%s", job->request->profile);
    job->not_before = leaf->not_before;
    job->not_after = leaf->not_after;
}

static enum rv_status build(struct job *job, const struct rv_profile *profile, const struct rv_csr *csr,
                            const struct rv_wish *wish)
{
    const struct rv_authority *a = job->authority;
    struct rv_leaf leaf = {.names = wish->names,
                           .common_name = wish->common_name,
                           .spki = csr->key.der,
                           .ca_issuers_url = a->options.ca_issuers_url};
    enum rv_status status = rv_profile_times(profile, wish->duration, job->now, rv_ca_not_after(a->ca), &leaf.not_before,
                                             &leaf.not_after, &job->err);
    if (status != RV_OK)
        return status;
    rv_serial_make(leaf.serial);
    struct rv_buf tbs = {0};
    status = rv_tbs_build(profile, a->ca, &leaf, &tbs, &job->err);
    if (status == RV_OK)
        status = rv_lint_tbs(rv_buf_bytes(&tbs), a->ca, NULL, &job->err); /* B-29 */
    if (status == RV_OK) {
        job->tbs = copy_of(job, rv_buf_bytes(&tbs));
        job->spki = csr->spki_hash;
        describe(job, &leaf);
    }
    rv_buf_fini(&tbs);
    return status;
}

static enum rv_status prepare_one(struct job *job, const struct rv_profile *profile)
{
    struct rv_csr csr;
    struct rv_cert_names names;
    struct rv_wish wish;
    enum rv_status status = rv_csr_read(job->request->csr, job->arena, &csr, &job->err);
    if (status == RV_OK && rv_hash_equal(&csr.spki_hash, rv_ca_spki_hash(job->authority->ca))) {
        rv_fail(&job->err, RV_DENIED, "the key of the request is the key of the CA");
        return rv_error_where(&job->err, RV_DENIED, "K-07");
    }
    if (status == RV_OK)
        status = make_wish(job, &csr, &names, &wish);
    if (status == RV_OK && job->request->wanted == NULL)
        rv_profile_trim(profile, &wish);
    if (status == RV_OK)
        status = rv_profile_check(profile, &csr, &wish, &job->err);
    return status == RV_OK ? build(job, profile, &csr, &wish) : status;
}

void rv_prepare(struct rv_authority *authority, struct job **jobs, size_t count)
{
    struct look look = {.authority = authority, .jobs = jobs, .count = count};
    struct rv_error err;
    enum rv_status status = rv_store_read_now(authority->options.store, look_tx, &look, &err);
    for (size_t i = 0; i < count; i++) {
        if (status != RV_OK) {
            jobs[i]->status = status;
            jobs[i]->err = err;
        } else if (jobs[i]->status == RV_OK && jobs[i]->id == 0) {
            jobs[i]->status = prepare_one(jobs[i], look.profiles[i]);
            jobs[i]->stage = RESERVE;
        }
        rv_profile_release(look.profiles[i]);
    }
    RV_FAILPOINT("ca.prepared");
}

/* ---- signing ---- */

static void finish_one(struct rv_authority *a, struct job *job, struct rv_sign_item *item)
{
    struct rv_buf der = {0};
    rv_cert_assemble(job->tbs, rv_ca_signature_algorithm(a->ca), rv_buf_bytes(&item->signature), &der);
    job->status = rv_cert_verify(rv_buf_bytes(&der), rv_ca_key(a->ca), &job->err);
    if (job->status == RV_OK) {
        job->der = copy_of(job, rv_buf_bytes(&der));
        rv_sha256(job->der, &job->fingerprint);
        pem_of(job);
        job->stage = KEEP;
    } else { /* the intent stays: another try may do better, and a person is told */
        job->status = rv_fail(&job->err, RV_INTERNAL, "the signer's signature does not verify");
    }
    rv_buf_fini(&der);
}

/* A refusal for good ends the intent; what may pass later leaves it for another try. */
static void refused_one(struct job *job, const struct rv_sign_item *item)
{
    job->status = item->status;
    job->err = item->err;
    rv_error_prefix(&job->err, item->status, "the signer refused");
    if (item->status == RV_DENIED || item->status == RV_INVALID || item->status == RV_CONFLICT) {
        job->abandoned = true;
        job->stage = KEEP;
    }
}

void rv_sign(struct rv_authority *authority, struct job **jobs, size_t count)
{
    struct rv_sign_item *items = rv_calloc(count, sizeof *items);
    struct rv_signer *signer = &authority->options.signer;
    struct rv_error err = {0};
    for (size_t i = 0; i < count; i++) {
        snprintf(items[i].profile, sizeof items[i].profile, "%s", jobs[i]->profile);
        items[i].tbs = jobs[i]->tbs;
    }
    RV_FAILPOINT("ca.before_sign");
    enum rv_status status = signer->ops->sign(signer->ctx, authority->issuer, items, count, &err);
    RV_FAILPOINT("ca.signed");
    for (size_t i = 0; i < count; i++) {
        jobs[i]->attempts++;
        if (status != RV_OK) {
            jobs[i]->status = status;
            jobs[i]->err = err;
        } else if (items[i].status == RV_OK) {
            finish_one(authority, jobs[i], &items[i]);
        } else {
            refused_one(jobs[i], &items[i]);
        }
        rv_buf_fini(&items[i].signature);
    }
    rv_free(items);
    RV_FAILPOINT("ca.verified");
}

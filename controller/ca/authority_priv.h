/* Inside of the built-in CA: one request on its way (a job), and the stages it passes. */
#pragma once
#include <pthread.h>

#include "ca/authority.h"
#include "ca/clock_guard.h"
#include "ca/profiles.h"
#include "pki/certificate.h"
#include "port/store_access.h"
#include "port/store_audit.h"
#include "port/store_certificate.h"

#define RV_CA_BATCH 64

/*   stage     where          what
 *   prepare   crypto lane    key asked before? else: request, profile, names, times, TBS, lints
 *   reserve   store writer   serial, TBS and audit row, durable (M-56)
 *   sign      crypto lane    the signer journals and signs; the signature is verified
 *   keep      store writer   the certificate and its audit row, durable, in one commit with what is to be reserved then
 * A job leaves early when it is refused, or when its certificate is there already. */
enum stage { PREPARE, RESERVE, SIGN, KEEP, STAGE_COUNT, ANSWER = STAGE_COUNT };

struct job {
    struct job *next;
    struct rv_authority *authority;
    const struct rv_issue_request *request; /* NULL: a look (find) or an intent taken up at start */
    const char *idempotency_key;            /* borrowed from the asker, or NULL */
    rv_issue_done done;                     /* NULL: nobody waits */
    void *arg;
    struct rv_arena *arena;
    enum stage stage; /* the next one */
    enum rv_status status;
    struct rv_error err;
    rv_time now;    /* of preparing */
    int attempts;   /* at the signer */
    bool abandoned; /* the signer refused for good: to be recorded, then answered */
    bool refused;   /* not allowed: to be recorded, then answered */
    bool resumed;   /* the intent was there before this job */
    /* The certificate. Texts and bytes lie in the arena. */
    int64_t id; /* row in the store; 0: none yet */
    char profile[64], serial[48];
    struct rv_bytes tbs, der;
    struct rv_hash spki, fingerprint;
    rv_time not_before, not_after;
    const char *subject, *names, *pem;
    const char *actor;
};

struct queue {
    struct job *first, *last;
    int64_t length;
};
#define RV_CA_CLOCK "ca.clock" /* the high-water mark of the clock, in the store */

struct rv_authority {
    struct rv_authority_options options;
    char issuer[64];
    struct rv_ca *ca;
    char *chain_pem, *root_pem;
    struct rv_profiles *profiles;
    struct rv_clock_guard guard;
    rv_time high_stored; /* the mark in the store */
    struct queue queues[STAGE_COUNT];
    int running[STAGE_COUNT];
    struct rv_timer *pump_timer, *resume_timer;
    bool resuming;   /* a read of intents is under way */
    bool resume_all; /* at start: those too that are so fresh that a request may be about them */
    bool stopping, told;
    void (*stopped)(void *arg);
    void *stopped_arg;
    struct rv_authority_stats stats;
};

/* ---- stages.c, loop thread ---- */
struct job *rv_job_create(struct rv_authority *authority); /* any thread; nobody knows it yet */
void rv_job_destroy(struct job *job);                      /* one that nobody knows */
void rv_job_enter(struct job *job, enum stage stage);      /* from here on the stages own it */
void rv_stages_pump(struct rv_authority *authority);
bool rv_stages_idle(const struct rv_authority *authority);
void rv_stages_pump_soon(struct rv_authority *authority);
/* ---- resume.c, loop thread: takes up intents that were left without a certificate ---- */
#define RV_RESUME_PAUSE RV_SEC(2)
void rv_resume_soon(struct rv_authority *authority, rv_dur delay, bool all);

/* ---- the work of each stage, not on the loop; jobs with a status other than RV_OK are skipped ---- */
void rv_prepare(struct rv_authority *authority, struct job **jobs, size_t count);
void rv_sign(struct rv_authority *authority, struct job **jobs, size_t count);
struct batch {
    struct rv_authority *authority;
    enum stage stage; /* RESERVE: for the store's writer, the first `keep` jobs to be kept and the others to be reserved */
    size_t count, keep;
    struct job *jobs[2 * RV_CA_BATCH];
    rv_time now, high; /* high: to be stored as the clock's mark; 0: not now */
};
enum rv_status rv_write_tx(struct rv_tx *tx, void *batch, struct rv_error *err);

/* What the row says becomes the job's: an intent goes on to be signed, a certificate is the answer. Any thread. */
void rv_job_adopt(struct job *job, const struct rv_cert_row *row);

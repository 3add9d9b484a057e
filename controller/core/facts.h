/* What is wanted and what is known about one binding: one certificate on one target, with a key and a certificate of
 * its own. Flat structs without pointers: they are columns of one row, and a million of them are planned from a
 * stream. Lifecycle is computed from them (core/plan.h), never stored. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/time.h"
#include "core/manifest.h"

/* Steps that change or ask something outside. Each is journalled: intent, effect, evidence. */
enum rv_step {
    RV_STEP_NONE,
    RV_STEP_OBSERVE, /* look at the target: pairs, pointer, armed switch */
    RV_STEP_PROBE,   /* handshake with every endpoint */
    RV_STEP_KEY,     /* make a key where it belongs, get its CSR */
    RV_STEP_ISSUE,   /* have the CSR signed */
    RV_STEP_STAGE,   /* put the whole pair on the target and check it there */
    RV_STEP_SWITCH,  /* flip, reload, leave the undo armed on the target */
    RV_STEP_KEEP,    /* proved: disarm the undo */
    RV_STEP_UNDO,    /* put the previous pair back */
    RV_STEP_COUNT
};
const char *rv_step_name(enum rv_step step); /* "issue" */

struct rv_wanted {
    enum rv_mode mode;
    bool deploys;        /* false: watch only (no target) */
    struct rv_hash spec; /* names, key, profile, issuer: what a certificate must have been made from */
    struct rv_renew_rule renew;
    rv_dur soak;
    int ordinal; /* place among the certificate's targets, 0 first */
    int batch;   /* which batch that is */
    int max_failed;
    bool undo_auto;
    int endpoints;         /* how many must serve it */
    int64_t renew_request; /* counts `reeve renew`; a certificate made for a lower number is renewed */
    int64_t approved;      /* Propose: the round that a person agreed to (rv_round in core/plan.h) */
    bool paused, deleted;
};

struct rv_issued { /* the newest certificate of this binding that we hold */
    bool have;
    struct rv_hash fingerprint, spec;
    int64_t certificate_id; /* row in the inventory */
    int64_t renew_request;
    rv_time not_before, not_after, issued_at;
    rv_time revoked_at; /* 0: never. Nothing sets it yet; the plan replaces what has it */
};

struct rv_target_view {                      /* what the target said, not what we think */
    rv_time observed_at;                     /* 0: never, or no longer to be trusted */
    struct rv_hash current, previous, armed; /* zero: none. armed: switched, undo not yet disarmed */
    rv_time armed_until;
    bool staged;          /* the issued pair is there, whole and checked */
    bool key_lost;        /* the key that belongs to the issued or pending certificate is not there */
    bool locked_by_other; /* someone else holds the target's lock */
};

struct rv_served_view {  /* last handshakes, summed over the binding's endpoints */
    rv_time observed_at; /* of the oldest that counts; 0: never, or before the last switch */
    int good;            /* the issued fingerprint (watch only: any), valid chain and name */
    int foreign;         /* another fingerprint than issued and than current */
    int previous;        /* still the pair that was there before */
    int unreachable;
    int refused;                /* of the unreachable: refused the connection or broke off the handshake */
    rv_time earliest_not_after; /* of what is served */
};

struct rv_budget {
    int issued_in_window; /* certificates issued since the last convergence, at most a day back */
    int failures;         /* failed attempts in a row, any step */
    rv_time not_before;   /* back-off: nothing before this but looking */
    enum rv_step failed_step;
    enum rv_status failed_status;
    int switch_failures; /* switches that had to be put back, for the issued certificate */
    int drifts;          /* times something else was served after convergence, within a day */
};

struct rv_binding {
    int64_t id;
    struct rv_wanted wanted;
    struct rv_issued issued;
    struct {
        bool have;
        struct rv_hash spec, spki; /* the CSR that waits for a certificate */
        int64_t renew_request;
        rv_time made_at;
    } pending;
    struct rv_target_view target;
    struct rv_served_view served;
    struct rv_budget budget;
    enum rv_step unfinished; /* journalled intent without evidence: look before anything else */
    rv_time switched_at;     /* last switch to the issued certificate, 0: none yet, or put back */
    rv_time proved_at;       /* last time every endpoint served it */
    rv_time kept_at;         /* when an undo was last disarmed here */
    struct rv_hash proved;   /* the certificate that was kept then: the last one known to be good here */
    int settle_probes;       /* good handshake rounds in a row since the switch */
};

/* Neighbours, for the rollout: the other targets of the same certificate. */
struct rv_rollout_view {
    bool earlier_open;       /* some target of an earlier batch is not converged on this round */
    rv_time earlier_done_at; /* when the last of them converged */
    int failed;              /* targets whose switch was put back in this round */
    int at_risk;             /* targets that are switched and not proved yet: they may still fail */
    /* For people, the first of each kind; "" when nobody told. */
    char failed_name[64], open_name[64];
};

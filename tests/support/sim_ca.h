/* A simulated CA behind port/issuer.h. Like the built-in one it keeps what it issued in the store's inventory; like any
 * remote one it can be slow, away, say no, or lose its answer. It complains when it is asked for the same thing again
 * without having been asked first what became of it. */
#pragma once
#include "port/issuer.h"
#include "port/store.h"
#include "support/sim_loop.h"

#define SIM_CERTS 4096
struct sim_cert {
    char key[101], serial[48];
    int64_t id, binding, asked_mono;
    struct rv_hash fingerprint, spki;
    rv_time not_before, not_after;
    bool issued, open, doubt; /* doubt: whoever asked does not know what became of it */
};
struct sim_ca {
    struct sim_loop *loop;
    struct rv_store *store;
    rv_digest_fn digest;
    struct rv_issuer issuer;
    /* Faults. */
    bool down, refuses;
    int lost_percent, slow_percent;
    rv_dur lifetime; /* when the request names none */
    /* What happened. */
    int count, epoch, serial;
    struct sim_cert *answering; /* whose answer is being delivered just now */
    struct sim_cert certs[SIM_CERTS];
    char complaint[256]; /* first one; empty: none */
};
void sim_ca_init(struct sim_ca *ca, struct sim_loop *loop, rv_digest_fn digest);
/* The controller died: of what is under way nobody hears. mid_answer: it died with an answer in hand. */
void sim_ca_crash(struct sim_ca *ca, bool mid_answer);
const struct sim_cert *sim_ca_find(const struct sim_ca *ca, const struct rv_hash *fingerprint);

/* A simulated host behind port/connector.h and port/probe.h: pairs in slots named by fingerprint, the pointer, an undo
 * that it runs by itself, and a server that serves what it loaded last. It knows what it is doing even when the
 * controller does not: its state is the truth that the tests compare with. It complains about a change that is asked for
 * while the outcome of an earlier one is not known and nobody has looked. */
#pragma once
#include "port/connector.h"
#include "port/probe.h"
#include "support/sim_ca.h"
#include "support/sim_loop.h"

#define SIM_SLOTS 16
struct sim_fleet;
struct sim_host {
    struct sim_fleet *fleet;
    char name[64];
    rv_dur clock_error; /* of its wall clock */
    /* What lies there. */
    struct rv_hash slots[SIM_SLOTS], keys[SIM_SLOTS];
    size_t slot_count, key_count;
    struct rv_hash current, previous, armed, armed_back;
    int64_t armed_until, armed_number; /* monotonic */
    struct rv_hash served;             /* what the server has loaded; zero: nobody answers */
    struct rv_hash foreign;            /* what was there before us, or comes from a rival */
    int64_t served_changed, probed;    /* monotonic */
    /* Faults. */
    bool unreachable;   /* for the connector */
    bool cut_off;       /* for handshakes */
    bool reload_noop;   /* says yes and goes on serving the old pair */
    bool reload_kills;  /* the server stops answering with the new pair */
    bool broken_config; /* its own check fails with the new pair */
    bool disk_full, eats_keys;
    int lost_percent, slow_percent;
    /* What happened. */
    bool doubt;
    int put_back, switches;
};
#define SIM_HOSTS 16
struct sim_fleet {
    struct sim_loop *loop;
    struct sim_ca *ca;
    rv_digest_fn digest;
    struct rv_connector connector; /* named "local" */
    struct rv_probe probe;
    int host_count, key_serial, epoch;
    struct sim_host hosts[SIM_HOSTS];
    struct sim_host *answering;        /* whose answer is being delivered just now */
    struct sim_host *asked[SIM_HOSTS]; /* changes under way */
    int asked_count;
    char complaint[256];
};
void sim_fleet_init(struct sim_fleet *fleet, struct sim_loop *loop, struct sim_ca *ca, rv_digest_fn digest);
struct sim_host *sim_host_add(struct sim_fleet *fleet, const char *name);
struct sim_host *sim_host_find(struct sim_fleet *fleet, const char *name);
/* A rival puts its own certificate in place. */
void sim_host_rival(struct sim_host *host);
/* The controller died: what it asked for goes on, the answers find nobody. mid_answer: it died with an answer in hand. */
void sim_fleet_crash(struct sim_fleet *fleet, bool mid_answer);
void sim_host_heal(struct sim_host *host); /* no more faults */

/* A look at what an endpoint serves: one full handshake, no resumption. */
#pragma once
#include "base/bytes.h"
#include "base/time.h"

struct rv_probe_spec { /* borrowed until done */
    const char *host;  /* name or address to connect to */
    int port;
    const char *server_name; /* SNI and name to check; may be NULL */
    rv_dur timeout;
    struct rv_bytes trust; /* PEM: anchors besides the system's; may be empty */
    bool system_trust;
};
enum rv_probe_outcome { RV_PROBE_SERVED, RV_PROBE_REFUSED, RV_PROBE_TIMEOUT, RV_PROBE_NO_TLS, RV_PROBE_NO_ADDRESS };
struct rv_probe_result { /* borrowed during done */
    enum rv_probe_outcome outcome;
    rv_time at;
    struct rv_hash fingerprint; /* SHA-256 of the leaf */
    struct rv_bytes chain;      /* concatenated DER as sent, leaf first */
    int chain_count;
    bool chain_valid, name_valid, time_valid, stapled;
    rv_time not_before, not_after;
    char subject[256], issuer[256], serial[48];
    char protocol[16], cipher[64], group[32];
    char fault[240]; /* why not valid, or why no handshake; empty when all is well */
};
/* Fills everything of the result that can be read from the chain: names, times, validity, fault. pki's rv_judge_chain. */
typedef void (*rv_probe_judge)(struct rv_bytes chain, int count, const struct rv_probe_spec *spec, rv_time now,
                               struct rv_probe_result *result);
typedef void (*rv_probe_done)(void *arg, const struct rv_probe_result *result);
struct rv_probe_ops {
    void (*start)(void *ctx, const struct rv_probe_spec *spec, rv_probe_done done, void *arg);
};
struct rv_probe {
    const struct rv_probe_ops *ops;
    void *ctx;
};

/* A machine to deploy to, for tests: a real nginx with one TLS server and, when asked for, a real sshd, both private to
 * this lab (own folder, own configuration, free ports of 127.0.0.1), and a small certificate authority made with the
 * openssl program. It serves a pair of "somebody else" at first. Everything is ended by process id. */
#pragma once
#include <sys/types.h>

#include "base/bytes.h"
#include "core/manifest.h"

struct rv_lab {
    char root[200];       /* of all its files */
    char directory[240];  /* spec.directory: ROOT/reeve */
    char certificate[64]; /* the certificate's name: files are ROOT/tls/NAME.crt, .key */
    char name[64];        /* DNS name it serves: NAME.example.com */
    int https_port, ssh_port;
    char host_key[80], second_host_key[80]; /* "SHA256:…" of the sshd: Ed25519, ECDSA */
    char user[64];
    struct rv_hash foreign; /* what is served at first */
    pid_t nginx, sshd;
};

/* NULL with a sentence on standard error when a program is missing or does not start. */
struct rv_lab *rv_lab_create(bool with_ssh);
void rv_lab_destroy(struct rv_lab *lab);
/* A target that leads to it; texts belong to the lab. connector is "ssh" or "local". */
const struct rv_target_spec *rv_lab_target(struct rv_lab *lab, const char *connector);

/* Runs a program found in PATH; its output is given to the caller. The exit code, -1 when it was killed. */
int rv_lab_run(const char *const *argv, struct rv_bytes input, struct rv_buf *out);
/* A program in the background, its output in ROOT/LOG; and its end. */
pid_t rv_lab_start(const struct rv_lab *lab, const char *log, const char *const *argv);
void rv_lab_end(pid_t pid);
void rv_lab_pause(void); /* between two looks for an event, 20 ms */
/* A handshake by `openssl s_client`: the fingerprint served. False when there was none. */
bool rv_lab_served(const struct rv_lab *lab, struct rv_hash *ret);
/* Waits until that fingerprint is served, at most 20 s. */
bool rv_lab_wait_served(const struct rv_lab *lab, const struct rv_hash *want);

struct rv_lab_wish { /* how a certificate is made from a request; all zero: valid for some days */
    bool expired, early;
};
struct rv_lab_pair {
    char *certificate_pem, *chain_pem;
    struct rv_hash fingerprint;
};
bool rv_lab_sign(struct rv_lab *lab, struct rv_bytes csr, const struct rv_lab_wish *wish, struct rv_lab_pair *ret);
void rv_lab_pair_fini(struct rv_lab_pair *pair);

/* The server program of the target is a wrapper around nginx, with faults to choose: "" for none, "reload-fails",
 * "reload-hangs", "reload-ignored", "check-slow", "check-fails-with HEX" (while current leads to that pair). */
void rv_lab_fault(struct rv_lab *lab, const char *fault);
/* The process that guards the armed switch; 0 when none is armed. */
pid_t rv_lab_guard(const struct rv_lab *lab);
/* Breaks every open SSH connection, from the target's side. How many there were. */
int rv_lab_cut_links(const struct rv_lab *lab);
/* Replaces a file below the root by this text, at once. */
void rv_lab_write(const struct rv_lab *lab, const char *path, const char *text, unsigned mode);
/* Makes the configuration of the server one that its own check refuses; false puts it right. */
void rv_lab_break_configuration(struct rv_lab *lab, bool broken);

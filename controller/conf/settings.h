/* Settings of reeved (and `reeve up`): one table drives reading, checking, printing and the reference page. Each value
 * comes from the first of these that names it: command line (--listen ADDR:PORT), environment (REEVE_LISTEN), the file
 * DIR/reeved.yaml (listen: ADDR:PORT), default. Secrets are no settings: what is secret is named by the path of a file.
 * Read once at start; immutable afterwards, so any thread may read them. */
#pragma once
#include <stdio.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/time.h"

enum rv_log_format { RV_LOG_FORMAT_AUTO, RV_LOG_FORMAT_TEXT, RV_LOG_FORMAT_JSON };

struct rv_settings {
    /* where things are */
    const char *data;          /* folder; rv_settings_data_default() when not given */
    const char *signer;        /* path of reeve-signer; "" beside the program itself */
    const char *signer_socket; /* of a reeve-signer that a service manager runs; "" to start one of our own */
    const char *listen;        /* host:port, TLS */
    const char *public_;       /* host:port, plain HTTP for CRL, OCSP, CA certificates */
    const char *server_name;   /* DNS name or IP address in reeved's own certificate and in links */
    /* log */
    int log_level;  /* enum rv_log_level */
    int log_format; /* enum rv_log_format */
    /* work */
    int crypto_threads; /* 0: one per processor */
    int remote_threads;
    int in_flight, per_issuer;
    /* rhythm */
    rv_dur observe_every, probe_every, settle;
    int max_issues;
    /* HTTP */
    int http_connections, http_connections_per_address, http_body_max /* bytes */;
    rv_dur http_header_timeout, http_request_timeout, http_idle_timeout;

    struct rv_settings_text *texts; /* owns the strings above */
};

/* Reads all sources. argv are the arguments after the program's name (and verb): every one must be a setting,
 * `--name value` or `--name=value`; parsing stops at the first that is not an option and answers its index in
 * *ret_used when ret_used is not NULL (otherwise such an argument is an error). environment is as in environ(7).
 * RV_INVALID names the source in err->where ("--listen", "REEVE_LISTEN", "DIR/reeved.yaml:3"). */
RV_MUST_CHECK enum rv_status rv_settings_read(struct rv_settings *ret, int argc, char *const argv[],
                                              char *const environment[], int *ret_used, struct rv_error *err);
/* Only the defaults; for tests. */
void rv_settings_defaults(struct rv_settings *ret, char *const environment[]);
void rv_settings_fini(struct rv_settings *settings);

/* Where the data live when nobody says: /var/lib/reeve for root, else $XDG_STATE_HOME/reeve or
 * $HOME/.local/state/reeve. The command line uses it too. Given (rv_free). */
char *rv_settings_data_default(char *const environment[]);

void rv_settings_help(struct rv_buf *out);                                      /* for --help */
void rv_settings_print(const struct rv_settings *settings, struct rv_buf *out); /* "name: value" lines, valid YAML */
void rv_settings_reference(struct rv_buf *out);                                 /* docs/reference/settings.md */

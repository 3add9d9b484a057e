/* Inside connectors/deploy, and for its tests: what is sent to target.sh, and how its answers are read. */
#pragma once
#include "deploy/deploy.h"

/* target.sh, without its comments. */
extern const char rv_deploy_script[];
extern const size_t rv_deploy_script_size;

/* The command line that starts it, always the same but for the length: the program is read from standard input to the
 * byte, so that what follows stays for it to read. */
#define RV_DEPLOY_BOOTSTRAP "program=$(dd bs=\"$1\" count=1 iflag=fullblock 2>/dev/null) && eval \"$program\""

enum rv_deploy_verb {
    RV_DEPLOY_OBSERVE,
    RV_DEPLOY_KEY,
    RV_DEPLOY_TAKE_KEY,
    RV_DEPLOY_STAGE,
    RV_DEPLOY_SWITCH,
    RV_DEPLOY_KEEP,
    RV_DEPLOY_UNDO,
    RV_DEPLOY_VERB_COUNT
};

/* What a step needs besides the binding; NULL and 0 where it does not. Borrowed. */
struct rv_deploy_step {
    enum rv_deploy_verb verb;
    const struct rv_hash *fingerprint, *spki;
    rv_dur armed;
    rv_dur patience;        /* for each command of the server */
    struct rv_bytes follow; /* lines behind the parameters */
};
/* Appends the parameters, "end", and what follows with another "end". Every field is held against its grammar, since it
 * ends in a program on another machine: RV_INVALID with the field in err->where. Nothing is appended on failure. */
RV_MUST_CHECK enum rv_status rv_deploy_input(const struct rv_deploy *d, const struct rv_deploy_step *step,
                                             struct rv_buf *out, struct rv_error *err);
/* {certificate} in a path of the declaration becomes the certificate's name. */
RV_MUST_CHECK enum rv_status rv_deploy_expand(const char *pattern, const char *certificate, struct rv_buf *out,
                                              struct rv_error *err);

/* RFC 5280 §4.2.1.6 GeneralNames of a specification, DER, appended; nothing when it has no names. */
RV_MUST_CHECK enum rv_status rv_deploy_names(const struct rv_certificate_spec *spec, struct rv_buf *out,
                                             struct rv_error *err);

/* Whether the certificate carries exactly the names of the specification: RV_INVALID when not. */
RV_MUST_CHECK enum rv_status rv_deploy_check_names(const struct rv_certificate_spec *spec, const char *certificate_pem,
                                                   struct rv_error *err);

/* Reads what came back. RV_OK with *ret filled; a failure that the target reports, with its phase; or phase "answer" when
 * this is no answer (RV_UNAVAILABLE for looking, else RV_UNCERTAIN). *ret is always filled as far as log and phase go;
 * the request of RV_DEPLOY_KEY is appended to csr, which *ret then borrows. */
RV_MUST_CHECK enum rv_status rv_deploy_answer(enum rv_deploy_verb verb, const struct rv_transport_result *got,
                                              struct rv_buf *csr, struct rv_connector_result *ret, struct rv_error *err);

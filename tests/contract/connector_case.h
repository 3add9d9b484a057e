/* One case of the connector contract: a lab, a connector that reaches it through one transport, and calls that run the
 * loop until they are done. Shared by the files of test_connectors. */
#pragma once
#include "support/cmocka.h"

#include "deploy/deploy.h"
#include "local/local.h"
#include "port/process.h"
#include "rt/loop.h"
#include "rt/work.h"
#include "support/target_lab.h"

struct connector_case {
    const char *transport; /* "local" or "ssh" */
    struct rv_lab *lab;
    struct rv_loop *loop;
    struct rv_work *work;
    struct rv_transport_kind kind;
    struct rv_connector connector;
    struct rv_certificate_spec certificate;
    struct rv_target_spec target;
    struct rv_deploy deploy;
    /* of the last call */
    enum rv_status status;
    struct rv_connector_result result; /* csr in `csr` */
    struct rv_error err;
    struct rv_buf csr;
};

extern const char *connector_transport; /* which one the next set-ups use */
int case_setup(void **state);
int case_teardown(void **state);

/* Each runs one call, fills the last-call part, and returns the status. */
enum rv_status do_observe(struct connector_case *c);
enum rv_status do_key(struct connector_case *c);
enum rv_status do_stage(struct connector_case *c, const struct rv_lab_pair *pair, const struct rv_hash *spki);
enum rv_status do_switch(struct connector_case *c, const struct rv_hash *fingerprint, rv_dur armed);
enum rv_status do_keep(struct connector_case *c, const struct rv_hash *fingerprint);
enum rv_status do_undo(struct connector_case *c, const struct rv_hash *fingerprint);

/* Fails the test with the error's text. */
void must(struct connector_case *c, enum rv_status status);
void must_fail(struct connector_case *c, enum rv_status status, enum rv_status expected, const char *phase);
/* Key and certificate, staged: the pair is the caller's. */
void make_pair(struct connector_case *c, const struct rv_lab_wish *wish, struct rv_lab_pair *ret);
void assert_hash(const struct rv_hash *a, const struct rv_hash *b);
void assert_current(struct connector_case *c, const struct rv_hash *fingerprint);
void assert_served(struct connector_case *c, const struct rv_hash *fingerprint);
bool path_exists(const struct connector_case *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool has_pair(const struct rv_target_report *report, const struct rv_hash *fingerprint);

/* The cases, by file. */
extern const struct CMUnitTest connector_steps[], connector_faults[], connector_links[], connector_hosts[];
extern const size_t connector_steps_count, connector_faults_count, connector_links_count, connector_hosts_count;

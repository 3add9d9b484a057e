#include "contract/connector_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ssh/ssh.h"

const char *connector_transport = "local";

int case_setup(void **state)
{
    static const char *names[] = {"shop.example.com", "www.shop.example.com"};
    struct connector_case *c = rv_zalloc(sizeof *c);
    c->transport = connector_transport;
    bool ssh = strcmp(c->transport, "ssh") == 0;
    c->lab = rv_lab_create(ssh);
    if (c->lab == NULL) {
        rv_free(c);
        return -1;
    }
    c->loop = rv_loop_create();
    c->work = rv_work_create(c->loop, NULL);
    if (ssh)
        rv_ssh_create(&(struct rv_ssh_options){.clock = &rv_clock_system}, &c->kind);
    else
        rv_local_create(&rv_process_system, &c->kind);
    struct rv_deploy_options options = {.work = c->work, .transport = c->kind, .clock = &rv_clock_system};
    rv_deploy_create(&options, &c->connector);
    c->certificate = (struct rv_certificate_spec){.dns_names = {2, names}, .key = {.algorithm = RV_KEY_ECDSA, .size = 256}};
    c->target = *rv_lab_target(c->lab, c->transport);
    c->deploy = (struct rv_deploy){.certificate = c->lab->certificate,
                                   .target = "lab",
                                   .certificate_spec = &c->certificate,
                                   .target_spec = &c->target,
                                   .deadline = RV_SEC(60)};
    *state = c;
    return 0;
}

int case_teardown(void **state)
{
    struct connector_case *c = *state;
    if (c == NULL)
        return 0;
    rv_work_destroy(c->work);
    rv_deploy_destroy(&c->connector);
    if (strcmp(c->transport, "ssh") == 0)
        rv_ssh_destroy(&c->kind);
    rv_loop_destroy(c->loop);
    rv_lab_destroy(c->lab);
    rv_buf_fini(&c->csr);
    rv_free(c);
    return 0;
}

static void done(void *arg, enum rv_status status, const struct rv_connector_result *result, const struct rv_error *err)
{
    struct connector_case *c = arg;
    assert_int_equal(c->status, RV_STATUS_COUNT); /* exactly once */
    c->status = status;
    c->result = *result;
    rv_buf_clear(&c->csr);
    rv_buf_add(&c->csr, result->csr.ptr, result->csr.len);
    c->result.csr = rv_buf_bytes(&c->csr);
    c->err = err == NULL ? (struct rv_error){0} : *err;
    rv_loop_stop(c->loop);
}

static enum rv_status wait(struct connector_case *c)
{
    rv_loop_run(c->loop);
    assert_int_not_equal(c->status, RV_STATUS_COUNT);
    return c->status;
}

enum rv_status do_observe(struct connector_case *c)
{
    c->status = RV_STATUS_COUNT;
    c->connector.ops->observe(c->connector.ctx, &c->deploy, done, c);
    return wait(c);
}

enum rv_status do_key(struct connector_case *c)
{
    c->status = RV_STATUS_COUNT;
    c->connector.ops->make_key(c->connector.ctx, &c->deploy, done, c);
    return wait(c);
}

enum rv_status do_stage(struct connector_case *c, const struct rv_lab_pair *pair, const struct rv_hash *spki)
{
    struct rv_pair p = {pair->fingerprint, *spki, pair->certificate_pem, pair->chain_pem};
    c->status = RV_STATUS_COUNT;
    c->connector.ops->stage(c->connector.ctx, &c->deploy, &p, done, c);
    return wait(c);
}

enum rv_status do_switch(struct connector_case *c, const struct rv_hash *fingerprint, rv_dur armed)
{
    c->status = RV_STATUS_COUNT;
    c->connector.ops->switch_to(c->connector.ctx, &c->deploy, fingerprint, armed, done, c);
    return wait(c);
}

enum rv_status do_keep(struct connector_case *c, const struct rv_hash *fingerprint)
{
    c->status = RV_STATUS_COUNT;
    c->connector.ops->keep(c->connector.ctx, &c->deploy, fingerprint, done, c);
    return wait(c);
}

enum rv_status do_undo(struct connector_case *c, const struct rv_hash *fingerprint)
{
    c->status = RV_STATUS_COUNT;
    c->connector.ops->undo(c->connector.ctx, &c->deploy, fingerprint, done, c);
    return wait(c);
}

void must(struct connector_case *c, enum rv_status status)
{
    char text[1024];
    if (status != RV_OK)
        fail_msg("%s, phase %s: %s\n%s", rv_status_info(status)->name, c->result.phase,
                 rv_error_text(&c->err, text, sizeof text), c->result.log);
}

void must_fail(struct connector_case *c, enum rv_status status, enum rv_status expected, const char *phase)
{
    if (status != expected || strcmp(c->result.phase, phase) != 0)
        fail_msg("expected %s in phase %s, got %s in phase %s: %s\n%s", rv_status_info(expected)->name, phase,
                 rv_status_info(status)->name, c->result.phase, c->err.message, c->result.log);
    assert_int_equal(c->err.status, expected);
    assert_true(strlen(c->err.message) > 10);
    assert_true(c->err.where[0] != '\0');
}

void make_pair(struct connector_case *c, const struct rv_lab_wish *wish, struct rv_lab_pair *ret)
{
    must(c, do_key(c));
    struct rv_hash spki = c->result.spki;
    assert_true(rv_lab_sign(c->lab, c->result.csr, wish, ret));
    must(c, do_stage(c, ret, &spki));
}

void assert_hash(const struct rv_hash *a, const struct rv_hash *b)
{
    assert_memory_equal(a->b, b->b, RV_HASH_SIZE);
}

void assert_current(struct connector_case *c, const struct rv_hash *fingerprint)
{
    must(c, do_observe(c));
    assert_hash(&c->result.report.current, fingerprint);
}

void assert_served(struct connector_case *c, const struct rv_hash *fingerprint)
{
    assert_true(rv_lab_wait_served(c->lab, fingerprint));
}

bool path_exists(const struct connector_case *c, const char *format, ...)
{
    char path[600];
    int n = snprintf(path, sizeof path, "%s/", c->lab->root);
    va_list args;
    va_start(args, format);
    vsnprintf(path + n, sizeof path - (size_t)n, format, args);
    va_end(args);
    return access(path, F_OK) == 0;
}

bool has_pair(const struct rv_target_report *report, const struct rv_hash *fingerprint)
{
    for (size_t i = 0; i < report->pair_count; i++)
        if (rv_hash_equal(&report->pairs[i], fingerprint))
            return true;
    return false;
}

/* Self-signed certificates for tests, made by the openssl program. */
#pragma once
#include "pki/tls.h"
#include "port/files.h"
#include "port/process.h"
#include "unit/rt/temp.h"

/* Writes NAME.crt and NAME.key into the temporary folder; for localhost and 127.0.0.1. */
static inline void make_certificate(const char *name)
{
    char crt[300], key[300], subject[100];
    snprintf(crt, sizeof crt, "%s/%s.crt", temp_dir, name);
    snprintf(key, sizeof key, "%s/%s.key", temp_dir, name);
    snprintf(subject, sizeof subject, "/CN=%s", name);
    const char *const argv[] = {"openssl",
                                "req",
                                "-x509",
                                "-newkey",
                                "ec",
                                "-pkeyopt",
                                "ec_paramgen_curve:P-256",
                                "-nodes",
                                "-out",
                                crt,
                                "-keyout",
                                key,
                                "-subj",
                                subject,
                                "-days",
                                "30",
                                "-addext",
                                "subjectAltName=DNS:localhost,IP:127.0.0.1",
                                NULL};
    struct rv_process_spec spec = {.argv = argv, .timeout = RV_SEC(60)};
    struct rv_process_result result;
    struct rv_error err;
    if (rv_process_system.ops->run(rv_process_system.ctx, &spec, &result, &err) != RV_OK || result.exit_code != 0)
        fail_msg("openssl req: %s", rv_buf_text(&result.err));
    rv_process_result_fini(&result);
}

static inline struct rv_tls_context *load_context(const char *name, bool request_client)
{
    char path[300];
    RV_AUTO(rv_buf) struct rv_buf crt = {0};
    RV_AUTO(rv_buf) struct rv_buf pem = {0};
    RV_AUTO(rv_key) struct rv_key *key = NULL;
    struct rv_tls_context *context = NULL;
    struct rv_error err = {0};
    snprintf(path, sizeof path, "%s/%s.crt", temp_dir, name);
    enum rv_status status = rv_files_system.ops->read(NULL, path, 65536, &crt, &err);
    snprintf(path, sizeof path, "%s/%s.key", temp_dir, name);
    if (status == RV_OK)
        status = rv_files_system.ops->read(NULL, path, 65536, &pem, &err);
    if (status == RV_OK)
        status = rv_key_from_pem(rv_buf_bytes(&pem), NULL, &key, &err);
    if (status == RV_OK)
        status = rv_tls_server_context_create(rv_buf_bytes(&crt), key, request_client, &context, &err);
    if (status != RV_OK)
        fail_msg("%s: %s", path, err.message);
    return context;
}

/* What reeve-signer answers: one request in, one reply out. Owns keys, journal and limits; knows nothing of sockets. One
 * thread. */
#pragma once
#include "base/bytes.h"
#include "base/time.h"
#include "port/clock.h"
#include "port/files.h"

struct rv_service;
struct rv_service_options {
    const struct rv_files *files; /* borrowed */
    const struct rv_clock *clock; /* borrowed */
    const char *directory;        /* DIR/signer */
    const char *kek_file;         /* NULL: directory/kek */
    int64_t burst;                /* new certificates at once; 0: 200000 */
    int64_t rate;                 /* and then this many a second; 0: 50 */
    bool whole;                   /* check the journal's whole chain, not only the newest part */
};
RV_MUST_CHECK enum rv_status rv_service_open(const struct rv_service_options *options, struct rv_service **ret,
                                             struct rv_error *err);
void rv_service_close(struct rv_service *service); /* NULL is fine */
/* Whether setup is done: the issuing key is loaded and nothing but the journal is needed from disk any more. */
bool rv_service_is_set_up(const struct rv_service *service);
size_t rv_service_journal_count(const struct rv_service *service);
size_t rv_service_journal_cut(const struct rv_service *service);
/* Appends the reply frame to *out. RV_INVALID: the frame is none, and the connection should be closed. */
RV_MUST_CHECK enum rv_status rv_service_answer(struct rv_service *service, struct rv_bytes frame, struct rv_buf *out,
                                               struct rv_error *err);

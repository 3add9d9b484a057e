/* Bindings: one wide row each. The tables below are the one place that knows which member is which column. */
#include "port/store_binding.h"

#include <string.h>

#include "store/driver.h"

_Static_assert(RV_MODE_OBSERVE == 0 && RV_MODE_PROPOSE == 1 && RV_MODE_MANAGE == 2, "stored as numbers");
_Static_assert(RV_OK == 0 && RV_INVALID == 1 && RV_NOT_FOUND == 2 && RV_CONFLICT == 3 && RV_DENIED == 4 && RV_LIMITED == 5 &&
                   RV_UNAVAILABLE == 6 && RV_TIMEOUT == 7 && RV_UNCERTAIN == 8 && RV_INTERNAL == 9,
               "stored as numbers");

/* clang-format off */
/* What apply computes: parameter number in the statements that write it, column, member. */
#define WANTED(X)                                            \
    X(1,  mode,          facts.wanted.mode)                  \
    X(2,  deploys,       facts.wanted.deploys)               \
    X(3,  spec,          facts.wanted.spec)                  \
    X(4,  renew_percent, facts.wanted.renew.percent)         \
    X(5,  renew_before,  facts.wanted.renew.before)          \
    X(6,  soak,          facts.wanted.soak)                  \
    X(7,  ordinal,       facts.wanted.ordinal)               \
    X(8,  batch,         facts.wanted.batch)                 \
    X(9,  max_failed,    facts.wanted.max_failed)            \
    X(10, undo_auto,     facts.wanted.undo_auto)             \
    X(11, endpoints,     facts.wanted.endpoints)             \
    X(12, paused,        facts.wanted.paused)                \
    X(13, deleted,       facts.wanted.deleted)
/* What the engine saves. */
#define FACTS(X)                                                          \
    X(1,  issued_have,               facts.issued.have)                   \
    X(2,  issued_fingerprint,        facts.issued.fingerprint)            \
    X(3,  issued_spec,               facts.issued.spec)                   \
    X(4,  issued_certificate_id,     facts.issued.certificate_id)         \
    X(5,  issued_renew_request,      facts.issued.renew_request)          \
    X(6,  issued_not_before,         facts.issued.not_before)             \
    X(7,  issued_not_after,          facts.issued.not_after)              \
    X(8,  issued_at,                 facts.issued.issued_at)              \
    X(9,  issued_revoked_at,         facts.issued.revoked_at)             \
    X(10, pending_have,              facts.pending.have)                  \
    X(11, pending_spec,              facts.pending.spec)                  \
    X(12, pending_spki,              facts.pending.spki)                  \
    X(13, pending_renew_request,     facts.pending.renew_request)         \
    X(14, pending_made_at,           facts.pending.made_at)               \
    X(15, target_observed_at,        facts.target.observed_at)            \
    X(16, target_current,            facts.target.current)                \
    X(17, target_previous,           facts.target.previous)               \
    X(18, target_armed,              facts.target.armed)                  \
    X(19, target_armed_until,        facts.target.armed_until)            \
    X(20, target_staged,             facts.target.staged)                 \
    X(21, target_key_lost,           facts.target.key_lost)               \
    X(22, target_locked_by_other,    facts.target.locked_by_other)        \
    X(23, served_observed_at,        facts.served.observed_at)            \
    X(24, served_good,               facts.served.good)                   \
    X(25, served_foreign,            facts.served.foreign)                \
    X(26, served_previous,           facts.served.previous)               \
    X(27, served_unreachable,        facts.served.unreachable)            \
    X(28, served_refused,            facts.served.refused)                \
    X(29, served_earliest_not_after, facts.served.earliest_not_after)     \
    X(30, budget_issued_in_window,   facts.budget.issued_in_window)       \
    X(31, budget_failures,           facts.budget.failures)               \
    X(32, budget_not_before,         facts.budget.not_before)             \
    X(33, budget_failed_step,        facts.budget.failed_step)            \
    X(34, budget_failed_status,      facts.budget.failed_status)          \
    X(35, budget_switch_failures,    facts.budget.switch_failures)        \
    X(36, budget_drifts,             facts.budget.drifts)                 \
    X(37, switched_at,               facts.switched_at)                   \
    X(38, proved_at,                 facts.proved_at)                     \
    X(39, kept_at,                   facts.kept_at)                       \
    X(40, proved,                    facts.proved)                        \
    X(41, settle_probes,             facts.settle_probes)                 \
    X(42, due_at,                    due_at)                              \
    X(43, fault,                     fault)                               \
    X(44, fault_at,                  fault_at)
/* clang-format on */
#define AFTER_FACTS "$45"

#define COLUMN(number, column, member) #column ", "
#define SET(number, column, member) ", " #column "=$" #number
#define FIELD(number, column, member) RV_FIELD(struct rv_binding_row, member),

#define SELECT                                                                                                              \
    "SELECT " WANTED(COLUMN) FACTS(COLUMN) "id, certificate, target, renew_request, approved, unfinished FROM binding"
static const struct rv_field wanted_fields[] = {WANTED(FIELD)};
static const struct rv_field fact_fields[] = {FACTS(FIELD)};
static const struct rv_field own_fields[] = {
    RV_FIELD(struct rv_binding_row, facts.id),
    RV_FIELD(struct rv_binding_row, certificate),
    RV_FIELD(struct rv_binding_row, target),
    RV_FIELD(struct rv_binding_row, facts.wanted.renew_request),
    RV_FIELD(struct rv_binding_row, facts.wanted.approved),
    RV_FIELD(struct rv_binding_row, facts.unfinished),
};

static void row_of(struct rv_query *q, struct rv_binding_row *row)
{
    rv_take_fields(q, wanted_fields, RV_COUNT(wanted_fields), row);
    rv_take_fields(q, fact_fields, RV_COUNT(fact_fields), row);
    rv_take_fields(q, own_fields, RV_COUNT(own_fields), row);
}

static enum rv_status unknown(struct rv_error *err, int64_t id)
{
    return rv_fail(err, RV_NOT_FOUND, "there is no binding %lld", (long long)id);
}

/* Runs an update of one row by id. */
static enum rv_status update(struct rv_query *q, int64_t id, struct rv_error *err)
{
    int64_t changed = 0;
    enum rv_status status = rv_query_run(q, &changed);
    return status == RV_OK && changed == 0 ? unknown(err, id) : status;
}

static bool same_wanted(const struct rv_binding_row *a, const struct rv_binding_row *b)
{
    for (size_t i = 0; i < RV_COUNT(wanted_fields); i++)
        if (memcmp((const char *)a + wanted_fields[i].offset, (const char *)b + wanted_fields[i].offset,
                   wanted_fields[i].size) != 0)
            return false;
    return true;
}

static enum rv_status insert(struct rv_tx *tx, const char *certificate, const char *target, const struct rv_binding_row *row,
                             rv_time now, int64_t *ret_id, struct rv_error *err)
{
    struct rv_query q =
        rv_query(tx,
                 "INSERT INTO binding (" WANTED(
                     COLUMN) "certificate, target, renew_request, approved, due_at)"
                             " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
                             " RETURNING id",
                 err);
    rv_bind_fields(&q, wanted_fields, RV_COUNT(wanted_fields), row);
    rv_bind_text(&q, certificate);
    rv_bind_text(&q, target);
    rv_bind_int(&q, row->facts.wanted.renew_request);
    rv_bind_int(&q, row->facts.wanted.approved);
    rv_bind_int(&q, now);
    int64_t id = 0;
    if (rv_query_next(&q))
        id = rv_take_int(&q);
    enum rv_status status = rv_query_run(&q, NULL);
    if (status == RV_OK)
        *ret_id = id;
    return status;
}

static enum rv_status rewant(struct rv_tx *tx, int64_t id, const struct rv_binding_row *row, rv_time now,
                             struct rv_error *err)
{
    struct rv_query q =
        rv_query(tx, "UPDATE binding SET certificate=certificate" WANTED(SET) ", due_at=$14 WHERE id=$15", err);
    rv_bind_fields(&q, wanted_fields, RV_COUNT(wanted_fields), row);
    rv_bind_int(&q, now);
    rv_bind_int(&q, id);
    return update(&q, id, err);
}

enum rv_status rv_binding_want(struct rv_tx *tx, const char *certificate, const char *target, const struct rv_wanted *wanted,
                               rv_time now, int64_t *ret_id, bool *ret_changed, struct rv_error *err)
{
    struct rv_binding_row old, row = {.facts.wanted = *wanted};
    row.facts.wanted.deleted = false;
    if (strlen(certificate) >= sizeof row.certificate || strlen(target) >= sizeof row.target)
        return rv_fail(err, RV_INVALID, "names have at most %zu characters", sizeof row.target - 1);
    int64_t id = 0;
    bool changed = true;
    enum rv_status status = rv_binding_find(tx, certificate, target, &old, err);
    if (status == RV_NOT_FOUND) {
        status = insert(tx, certificate, target, &row, now, &id, err);
    } else if (status == RV_OK) {
        id = old.facts.id;
        changed = !same_wanted(&old, &row);
        if (changed)
            status = rewant(tx, id, &row, now, err);
    }
    if (status == RV_OK) {
        *ret_id = id;
        *ret_changed = changed;
    }
    return status;
}

enum rv_status rv_binding_unwant(struct rv_tx *tx, int64_t id, struct rv_error *err)
{
    struct rv_query q = rv_query(tx, "UPDATE binding SET deleted=1 WHERE id=$1", err);
    rv_bind_int(&q, id);
    return update(&q, id, err);
}

static enum rv_status one(struct rv_query *q, struct rv_binding_row *ret)
{
    enum rv_status status;
    if (!rv_query_one(q, &status))
        return status;
    *ret = (struct rv_binding_row){0};
    row_of(q, ret);
    return rv_query_end(q);
}

enum rv_status rv_binding_get(struct rv_tx *tx, int64_t id, struct rv_binding_row *ret, struct rv_error *err)
{
    struct rv_query q = rv_query(tx, SELECT " WHERE id=$1", err);
    rv_bind_int(&q, id);
    enum rv_status status = one(&q, ret);
    return status == RV_NOT_FOUND ? unknown(err, id) : status;
}

enum rv_status rv_binding_find(struct rv_tx *tx, const char *certificate, const char *target, struct rv_binding_row *ret,
                               struct rv_error *err)
{
    struct rv_query q = rv_query(tx, SELECT " WHERE certificate=$1 AND target=$2", err);
    rv_bind_text(&q, certificate);
    rv_bind_text(&q, target);
    enum rv_status status = one(&q, ret);
    return status == RV_NOT_FOUND
               ? rv_fail(err, status, "certificate \"%s\" is not bound to target \"%s\"", certificate, target)
               : status;
}

enum rv_status rv_binding_save(struct rv_tx *tx, const struct rv_binding_row *row, struct rv_error *err)
{
    struct rv_query q = rv_query(tx, "UPDATE binding SET certificate=certificate" FACTS(SET) " WHERE id=" AFTER_FACTS, err);
    rv_bind_fields(&q, fact_fields, RV_COUNT(fact_fields), row);
    rv_bind_int(&q, row->facts.id);
    return update(&q, row->facts.id, err);
}

enum rv_status rv_binding_due(struct rv_tx *tx, int64_t id, rv_time due_at, struct rv_error *err)
{
    struct rv_query q = rv_query(tx, "UPDATE binding SET due_at=$1 WHERE id=$2", err);
    rv_bind_int(&q, due_at);
    rv_bind_int(&q, id);
    return update(&q, id, err);
}

enum rv_status rv_binding_request_renewal(struct rv_tx *tx, int64_t id, rv_time now, struct rv_error *err)
{
    struct rv_query q = rv_query(tx,
                                 "UPDATE binding SET renew_request=renew_request+1, due_at=$1, budget_failures=0,"
                                 " budget_not_before=0, budget_switch_failures=0 WHERE id=$2",
                                 err);
    rv_bind_int(&q, now);
    rv_bind_int(&q, id);
    return update(&q, id, err);
}

enum rv_status rv_binding_approve(struct rv_tx *tx, int64_t id, int64_t round, rv_time now, struct rv_error *err)
{
    struct rv_query q = rv_query(tx,
                                 "UPDATE binding SET approved=$1, due_at=$2, budget_failures=0, budget_not_before=0"
                                 " WHERE id=$3",
                                 err);
    rv_bind_int(&q, round);
    rv_bind_int(&q, now);
    rv_bind_int(&q, id);
    return update(&q, id, err);
}

static enum rv_status each(struct rv_query *q, rv_binding_visit visit, void *arg)
{
    struct rv_binding_row row = {0};
    while (rv_query_next(q)) {
        row_of(q, &row);
        if (!visit(arg, &row))
            break;
    }
    return rv_query_end(q);
}

/* One row more than asked for is looked at, whatever its time: it says when to come back. */
enum rv_status rv_binding_each_due(struct rv_tx *tx, rv_time now, int limit, rv_binding_visit visit, void *arg,
                                   rv_time *ret_next, struct rv_error *err)
{
    struct rv_query q = rv_query(tx, SELECT " WHERE deleted=0 ORDER BY due_at, id LIMIT $1", err);
    rv_bind_limit(&q, limit > 0 ? (int64_t)limit + 1 : 0);
    struct rv_binding_row row = {0};
    rv_time next = RV_TIME_FAR;
    bool more = true;
    for (int64_t n = 0; rv_query_next(&q); n++) {
        row_of(&q, &row);
        if (!more || row.due_at > now || (limit > 0 && n == limit)) {
            next = row.due_at;
            break;
        }
        more = visit(arg, &row);
    }
    enum rv_status status = rv_query_end(&q);
    if (status == RV_OK)
        *ret_next = next;
    return status;
}

enum rv_status rv_binding_each_of(struct rv_tx *tx, const char *certificate, rv_binding_visit visit, void *arg,
                                  struct rv_error *err)
{
    struct rv_query q = rv_query(tx, SELECT " WHERE certificate=$1 AND deleted=0 ORDER BY ordinal, id", err);
    rv_bind_text(&q, certificate);
    return each(&q, visit, arg);
}

enum rv_status rv_binding_each_on(struct rv_tx *tx, const char *target, rv_binding_visit visit, void *arg,
                                  struct rv_error *err)
{
    struct rv_query q = rv_query(tx, SELECT " WHERE target=$1 AND deleted=0 ORDER BY id", err);
    rv_bind_text(&q, target);
    return each(&q, visit, arg);
}

enum rv_status rv_binding_each(struct rv_tx *tx, int64_t after, int limit, rv_binding_visit visit, void *arg,
                               struct rv_error *err)
{
    struct rv_query q = rv_query(tx, SELECT " WHERE id>$1 AND deleted=0 ORDER BY id LIMIT $2", err);
    rv_bind_int(&q, after);
    rv_bind_limit(&q, limit);
    return each(&q, visit, arg);
}

enum rv_status rv_binding_each_unfinished(struct rv_tx *tx, rv_binding_visit visit, void *arg, struct rv_error *err)
{
    struct rv_query q = rv_query(tx, SELECT " WHERE unfinished<>0 ORDER BY id", err);
    return each(&q, visit, arg);
}

#include "engine/engine_priv.h"

struct neighbours {
    const struct rv_policy *policy;
    const struct rv_binding *mine;
    rv_time now;
    struct rv_rollout_view view;
};

static bool count(void *arg, const struct rv_binding_row *row)
{
    struct neighbours *n = arg;
    rv_rollout_add(n->policy, n->mine, &row->facts, n->now, &n->view);
    return true;
}

enum rv_status rv_rollout_view_load(struct rv_tx *tx, const struct rv_policy *policy, const struct rv_binding_row *row,
                                    rv_time now, struct rv_rollout_view *ret, struct rv_error *err)
{
    struct neighbours n = {policy, &row->facts, now, {0}};
    enum rv_status status = rv_binding_each_of(tx, row->certificate, count, &n, err);
    if (status == RV_OK)
        *ret = n.view;
    return status;
}

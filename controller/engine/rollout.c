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
    struct rv_rollout_view *v = &n->view;
    int failed = v->failed, at_risk = v->at_risk;
    bool open = v->earlier_open;
    rv_rollout_add(n->policy, n->mine, &row->facts, n->now, v);
    if (v->failed > failed && v->failed_name[0] == '\0')
        snprintf(v->failed_name, sizeof v->failed_name, "%s", row->target);
    if ((v->earlier_open > open || v->at_risk > at_risk) && v->open_name[0] == '\0')
        snprintf(v->open_name, sizeof v->open_name, "%s", row->target);
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

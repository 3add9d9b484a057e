#include "core/facts.h"

#include <string.h>

static const char *const step_names[RV_STEP_COUNT] = {
    [RV_STEP_NONE] = "none",     [RV_STEP_OBSERVE] = "observe", [RV_STEP_PROBE] = "probe",
    [RV_STEP_KEY] = "key",       [RV_STEP_ISSUE] = "issue",     [RV_STEP_STAGE] = "stage",
    [RV_STEP_SWITCH] = "switch", [RV_STEP_KEEP] = "keep",       [RV_STEP_UNDO] = "undo",
};

const char *rv_step_name(enum rv_step step)
{
    return (unsigned)step < RV_STEP_COUNT ? step_names[step] : "unknown";
}

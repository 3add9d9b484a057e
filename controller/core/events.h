/* What the audit and the live events may say: one row per action. Whoever appends an audit row names an action from
 * here; a test reads the sources and refuses others. */
#pragma once
#include <stddef.h>

enum rv_severity {
    RV_SEVERITY_INFO,    /* the expected course of things */
    RV_SEVERITY_NOTICE,  /* a person did something, or something changed that a person should know of */
    RV_SEVERITY_WARNING, /* not as wanted; Reeve goes on by itself */
    RV_SEVERITY_ALARM,   /* a person is needed, or a promise is in danger */
    RV_SEVERITY_COUNT
};
const char *rv_severity_name(enum rv_severity severity); /* "info" */

struct rv_event {
    const char *action; /* "certificate.issued": object, dot, past tense; stable */
    const char *text;   /* for people: "A certificate was issued" */
    enum rv_severity severity;
};
extern const struct rv_event rv_events[]; /* sorted by action */
extern const size_t rv_event_count;
const struct rv_event *rv_event_find(const char *action); /* NULL when there is none */

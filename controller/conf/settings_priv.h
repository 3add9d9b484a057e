/* The table of settings and what reads one value. */
#pragma once
#include "conf/settings.h"

enum rv_setting_type {
    RV_SETTING_TEXT,
    RV_SETTING_PATH,   /* "" where `optional` */
    RV_SETTING_LISTEN, /* host:port, port 0 for a free one */
    RV_SETTING_HOST,   /* DNS name or IP address */
    RV_SETTING_INT,
    RV_SETTING_DURATION,
    RV_SETTING_CHOICE,
};

struct rv_setting {
    const char *name; /* "log-level": --log-level, REEVE_LOG_LEVEL, log-level: */
    enum rv_setting_type type;
    size_t offset; /* in struct rv_settings */
    int64_t low, high;
    const char *unit;           /* of an INT, for people; may be NULL */
    const char *const *choices; /* CHOICE: value is the index; ends with NULL */
    const char *otherwise;      /* the default, as it would be written */
    const char *shown;          /* the default for people, when `otherwise` does not say it */
    bool optional;              /* may be empty */
    const char *help;           /* one sentence, no full stop */
};
extern const struct rv_setting rv_setting_table[];
extern const size_t rv_setting_count;

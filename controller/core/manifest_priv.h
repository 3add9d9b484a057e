/* The inside of core/manifest: field tables and what decoding, encoding, schema and reference share. One row of a table
 * says everything about a field; nothing else in the folder knows a field by name but the checks between fields. */
#pragma once
#include <stdarg.h>

#include "base/bytes.h"
#include "core/manifest.h"

enum rv_field_type {
    RV_FIELD_GROUP = 1, /* a mapping of further fields */
    RV_FIELD_TEXT,      /* const char *; what it may look like says `rule` */
    RV_FIELD_TEXTS,     /* struct rv_texts, low to high items of `rule`, none twice */
    RV_FIELD_WORD,      /* one of `words`; kept as `store` says */
    RV_FIELD_SET,       /* a list of words, each with a bool of its own */
    RV_FIELD_INT,       /* int, low to high */
    RV_FIELD_BOOL,
    RV_FIELD_DURATION, /* rv_dur, low to high milliseconds */
    RV_FIELD_RENEW,    /* struct rv_renew_rule */
    RV_FIELD_BATCHES,  /* strategy.batches */
    RV_FIELD_ENDPOINTS,
    RV_FIELD_LABELS,
    RV_FIELD_READONLY, /* what the service adds when it shows a document: accepted and ignored */
};

enum rv_text_rule {
    RV_TEXT_PLAIN,  /* one line, no control characters */
    RV_TEXT_OBJECT, /* name of an object (rv_name_valid) */
    RV_TEXT_DNS,    /* and the other three: core/names.h */
    RV_TEXT_IP,
    RV_TEXT_URI,
    RV_TEXT_EMAIL,
    RV_TEXT_DNS_BASE,      /* a DNS name that stands for itself and all below: no wildcard */
    RV_TEXT_COMMON_NAME,   /* 1 to 64 characters */
    RV_TEXT_HOST,          /* host[:port] */
    RV_TEXT_USER,          /* login name on a target */
    RV_TEXT_HOST_KEY,      /* SHA256:… as ssh-keygen -l prints it */
    RV_TEXT_PATH,          /* absolute, without . and .. */
    RV_TEXT_PATH_TEMPLATE, /* same, may contain {certificate} */
    RV_TEXT_PROGRAM,       /* absolute path or a bare program name */
    RV_TEXT_COUNT
};
#define RV_TEXT_MAX 1024

enum rv_word_store { RV_STORE_NOTHING, RV_STORE_ENUM, RV_STORE_BOOL, RV_STORE_TEXT };

struct rv_set_word {
    const char *word;
    size_t offset; /* of its bool */
};

struct rv_field {
    const char *name; /* NULL ends a table */
    enum rv_field_type type;
    bool required;
    bool whole;     /* group: when it is absent, all of it is, defaults of its members included */
    size_t offset;  /* in struct rv_object; 0: not kept */
    size_t present; /* whole group: bool that says whether it was there; 0: it is there when a member is */
    const struct rv_field *fields;
    enum rv_text_rule rule;
    const char *const *words; /* ends with NULL */
    enum rv_word_store store;
    const struct rv_set_word *set; /* ends with a NULL word */
    int64_t low, high;
    const char *otherwise; /* default, as JSON; NULL: absent means empty */
    const char *help;      /* one or two sentences */
};
/* apiVersion, kind, metadata, spec of one kind. */
const struct rv_field *rv_document_fields(enum rv_kind kind);
const char *rv_kind_help(enum rv_kind kind);

static inline void *rv_field_at(const struct rv_object *object, size_t offset)
{
    return (char *)object + offset;
}

/* ---- texts ---- */

struct rv_text_rule_info {
    const char *what;    /* "an absolute path like /etc/reeve" */
    const char *type;    /* short, for the reference: "path" */
    const char *pattern; /* for the schema; may be NULL. The reader below is stricter */
    size_t max;          /* characters */
    enum rv_status (*read)(const char *text, char out[static RV_TEXT_MAX + 1], struct rv_error *err);
};
const struct rv_text_rule_info *rv_text_rule_info(enum rv_text_rule rule);
/* Checks and normalises into out. */
RV_MUST_CHECK enum rv_status rv_text_read(enum rv_text_rule rule, const char *text, char out[static RV_TEXT_MAX + 1],
                                          struct rv_error *err);
/* A duration that rv_dur_parse reads back to the same: "90d", "1h30m", "0s". Returns out. */
const char *rv_dur_canonical(char out[static 48], rv_dur d);

/* ---- faults ---- */

#define RV_FAULTS_MAX 50
struct rv_faults {
    struct rv_arena *arena;
    struct rv_fault *first, *last;
    int count;
};
void rv_fault_add(struct rv_faults *faults, const char *path, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Whether something at `path` or below was found faulty already: what depends on it is not checked then. */
bool rv_fault_under(const struct rv_faults *faults, const char *path);

/* ---- checks between the fields of one object ---- */

/* Fills in what a default of the table cannot say (the key size) and finds what no single field shows. */
void rv_object_finish(struct rv_object *object, struct rv_faults *faults);
bool rv_key_size_allowed(enum rv_key_algorithm algorithm, int size);
const char *rv_key_algorithm_name(enum rv_key_algorithm algorithm);

/* The default of a field as a value. Given. */
json_t *rv_field_default(const struct rv_field *field);

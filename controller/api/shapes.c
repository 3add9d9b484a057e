/* The tables. Names and meanings here are the REST interface: they change only by adding. */
#include "api/shapes.h"

#define REQ RV_FIELD_REQUIRED
#define LIST RV_FIELD_LIST
#define MANY (RV_FIELD_REQUIRED | RV_FIELD_LIST)

static const char *const role_values[] = {"admin", "operator", "issuer", "viewer", NULL};
static const char *const state_values[] = {"Ready", "Renewing", "Progressing", "Waiting", "Degraded", "NeedsPerson", NULL};
static const char *const mode_values[] = {"Observe", "Propose", "Manage", NULL};
static const char *const verdict_values[] = {"do", "wait", "halt", NULL};
static const char *const change_values[] = {"none", "create", "update", "delete", NULL};
static const char *const severity_values[] = {"info", "notice", "warning", "alarm", NULL};
static const char *const outcome_values[] = {"served", "refused", "timeout", "noTls", "noAddress", NULL};

const struct rv_shape rv_shape_empty = {"Empty", "An empty object", (const struct rv_field[]){{0}}, false};

static const struct rv_shape problem_fault = {
    "Fault",
    "One fault of a declared document",
    (const struct rv_field[]){
        {"kind", RV_SHAPE_TEXT, 0, "Kind of the document", NULL, NULL, 0},
        {"name", RV_SHAPE_TEXT, 0, "Name of the document", NULL, NULL, 0},
        {"document", RV_SHAPE_INT, 0, "Its place in the request, 0 the first", NULL, NULL, 0},
        {"path", RV_SHAPE_TEXT, REQ, "Field, dotted from the document's root", NULL, NULL, 0},
        {"message", RV_SHAPE_TEXT, REQ, "What is wrong and what was expected", NULL, NULL, 0},
        {0},
    },
    false,
};
const struct rv_shape rv_shape_problem = {
    "Problem",
    "RFC 9457 problem document",
    (const struct rv_field[]){
        {"type", RV_SHAPE_TEXT, REQ, "Always about:blank: `code` tells the kinds apart", NULL, NULL, 0},
        {"title", RV_SHAPE_TEXT, REQ, "The kind in a few words", NULL, NULL, 0},
        {"status", RV_SHAPE_INT, REQ, "HTTP status", NULL, NULL, 0},
        {"detail", RV_SHAPE_TEXT, REQ, "What is wrong and what was expected", NULL, NULL, 0},
        {"code", RV_SHAPE_TEXT, REQ,
         "invalid, notFound, conflict, denied, limited, unavailable, timeout, uncertain, internal", NULL, NULL, 0},
        {"where", RV_SHAPE_TEXT, 0, "What it is about: a field, a host, an object", NULL, NULL, 0},
        {"hint", RV_SHAPE_TEXT, 0, "What to do about it", NULL, NULL, 0},
        {"faults", RV_SHAPE_OBJECT, LIST, "All faults that were found", &problem_fault, NULL, 0},
        {0},
    },
    false,
};

static const struct rv_shape reason = {
    "Reason",
    "Why, as a stable word and as a sentence",
    (const struct rv_field[]){
        {"code", RV_SHAPE_TEXT, REQ, "A stable CamelCase word", NULL, NULL, 0},
        {"text", RV_SHAPE_TEXT, REQ, "One sentence for people", NULL, NULL, 0},
        {0},
    },
    false,
};
static const struct rv_shape next = {
    "Next",
    "What happens next",
    (const struct rv_field[]){
        {"step", RV_SHAPE_TEXT, REQ, "none, observe, probe, key, issue, stage, switch, keep, undo", NULL, NULL, 0},
        {"at", RV_SHAPE_TIME, 0, "Not before", NULL, NULL, 0},
        {"text", RV_SHAPE_TEXT, 0, "One sentence for people", NULL, NULL, 0},
        {0},
    },
    false,
};
static const struct rv_shape issued_view = {
    "Issued",
    "The newest certificate that is held for a target",
    (const struct rv_field[]){
        {"fingerprint", RV_SHAPE_HASH, 0, "SHA-256 of the certificate", NULL, NULL, 0},
        {"serial", RV_SHAPE_TEXT, 0, "Serial number, lower-case hex", NULL, NULL, 0},
        {"notBefore", RV_SHAPE_TIME, 0, "Start of validity", NULL, NULL, 0},
        {"notAfter", RV_SHAPE_TIME, 0, "End of validity", NULL, NULL, 0},
        {"issuedAt", RV_SHAPE_TIME, 0, "When it was signed", NULL, NULL, 0},
        {0},
    },
    false,
};
static const struct rv_shape fault_view = {
    "LastFault",
    "The last failure",
    (const struct rv_field[]){
        {"message", RV_SHAPE_TEXT, REQ, "For people", NULL, NULL, 0},
        {"at", RV_SHAPE_TIME, 0, "When", NULL, NULL, 0},
        {0},
    },
    false,
};
static const struct rv_shape endpoint = {
    "Endpoint",
    "One address, and what its last handshake showed",
    (const struct rv_field[]){
        {"address", RV_SHAPE_TEXT, REQ, "host:port", NULL, NULL, 0},
        {"serverName", RV_SHAPE_TEXT, 0, "Name sent and checked", NULL, NULL, 0},
        {"observedAt", RV_SHAPE_TIME, 0, "Last look", NULL, NULL, 0},
        {"outcome", RV_SHAPE_TEXT, 0, "How it ended", NULL, outcome_values, 0},
        {"fingerprint", RV_SHAPE_HASH, 0, "SHA-256 of what is served", NULL, NULL, 0},
        {"matches", RV_SHAPE_BOOL, 0, "It is the certificate that belongs there", NULL, NULL, 0},
        {"chainValid", RV_SHAPE_BOOL, 0, "The chain leads to a trusted root", NULL, NULL, 0},
        {"nameValid", RV_SHAPE_BOOL, 0, "The name is in the certificate", NULL, NULL, 0},
        {"timeValid", RV_SHAPE_BOOL, 0, "It is neither too early nor expired", NULL, NULL, 0},
        {"notBefore", RV_SHAPE_TIME, 0, "Start of validity of what is served", NULL, NULL, 0},
        {"notAfter", RV_SHAPE_TIME, 0, "End of validity of what is served", NULL, NULL, 0},
        {"subject", RV_SHAPE_TEXT, 0, "Subject of what is served", NULL, NULL, 0},
        {"issuer", RV_SHAPE_TEXT, 0, "Issuer of what is served", NULL, NULL, 0},
        {"serial", RV_SHAPE_TEXT, 0, "Serial number of what is served", NULL, NULL, 0},
        {"protocol", RV_SHAPE_TEXT, 0, "TLSv1.3", NULL, NULL, 0},
        {"cipher", RV_SHAPE_TEXT, 0, "TLS_AES_256_GCM_SHA384", NULL, NULL, 0},
        {"group", RV_SHAPE_TEXT, 0, "X25519", NULL, NULL, 0},
        {"fault", RV_SHAPE_TEXT, 0, "Why it is not valid, or why there was no handshake", NULL, NULL, 0},
        {0},
    },
    false,
};
static const struct rv_shape target_view = {
    "CertificateTarget",
    "The certificate on one target; target \"\" when it is only watched",
    (const struct rv_field[]){
        {"target", RV_SHAPE_TEXT, REQ, "Name of the target", NULL, NULL, 0},
        {"state", RV_SHAPE_TEXT, REQ, "State", NULL, state_values, 0},
        {"batch", RV_SHAPE_INT, REQ, "Batch of the rollout, 1 the first", NULL, NULL, 0},
        {"reason", RV_SHAPE_OBJECT, REQ, "Why it is in that state", &reason, NULL, 0},
        {"next", RV_SHAPE_OBJECT, REQ, "What happens next", &next, NULL, 0},
        {"doing", RV_SHAPE_TEXT, 0, "The step that is under way", NULL, NULL, 0},
        {"issued", RV_SHAPE_OBJECT, 0, "What is held for it", &issued_view, NULL, 0},
        {"current", RV_SHAPE_HASH, 0, "Fingerprint the target points at", NULL, NULL, 0},
        {"previous", RV_SHAPE_HASH, 0, "Fingerprint of the way back", NULL, NULL, 0},
        {"fault", RV_SHAPE_OBJECT, 0, "The last failure, until the next success", &fault_view, NULL, 0},
        {"endpoints", RV_SHAPE_OBJECT, MANY, "Where it must be served", &endpoint, NULL, 0},
        {0},
    },
    false,
};
const struct rv_shape rv_shape_certificate = {
    "Certificate",
    "A declared certificate, what is known about it and what happens next",
    (const struct rv_field[]){
        {"name", RV_SHAPE_TEXT, REQ, "Name", NULL, NULL, 0},
        {"generation", RV_SHAPE_INT, REQ, "Grows with every change of the declaration", NULL, NULL, 0},
        {"owner", RV_SHAPE_TEXT, 0, "Owner", NULL, NULL, 0},
        {"labels", RV_SHAPE_LABELS, REQ, "Labels", NULL, NULL, 0},
        {"mode", RV_SHAPE_TEXT, REQ, "How much Reeve may do", NULL, mode_values, 0},
        {"state", RV_SHAPE_TEXT, REQ, "The worst of its targets", NULL, state_values, 0},
        {"ready", RV_SHAPE_BOOL, REQ, "Every endpoint serves it", NULL, NULL, 0},
        {"reason", RV_SHAPE_OBJECT, REQ, "Why it is in that state", &reason, NULL, 0},
        {"next", RV_SHAPE_OBJECT, REQ, "What happens next", &next, NULL, 0},
        {"dnsNames", RV_SHAPE_TEXT, LIST, "Host names", NULL, NULL, 0},
        {"ipAddresses", RV_SHAPE_TEXT, LIST, "IP addresses", NULL, NULL, 0},
        {"uris", RV_SHAPE_TEXT, LIST, "URIs", NULL, NULL, 0},
        {"emailAddresses", RV_SHAPE_TEXT, LIST, "Mail addresses", NULL, NULL, 0},
        {"issuer", RV_SHAPE_TEXT, REQ, "Issuer", NULL, NULL, 0},
        {"profile", RV_SHAPE_TEXT, REQ, "Profile", NULL, NULL, 0},
        {"notAfter", RV_SHAPE_TIME, 0, "The earliest end of validity over its targets", NULL, NULL, 0},
        {"renewAt", RV_SHAPE_TIME, 0, "The earliest renewal over its targets", NULL, NULL, 0},
        {"targets", RV_SHAPE_OBJECT, MANY, "Its targets, in the order of the rollout", &target_view, NULL, 0},
        {0},
    },
    false,
};

#define PAGE(id, label, what, item)                                                                                         \
    const struct rv_shape id = {                                                                                            \
        label,                                                                                                              \
        what,                                                                                                               \
        (const struct rv_field[]){                                                                                          \
            {"items", RV_SHAPE_OBJECT, MANY, "This page", &item, NULL, 0},                                                  \
            {"next", RV_SHAPE_TEXT, 0, "What to pass as `after` for the next page; absent on the last", NULL, NULL, 0},     \
            {0},                                                                                                            \
        },                                                                                                                  \
        false,                                                                                                              \
    }
PAGE(rv_shape_certificate_list, "CertificateList", "A page of certificates", rv_shape_certificate);

static const struct rv_shape counts = {
    "Counts",
    "Certificates by state",
    (const struct rv_field[]){
        {"certificates", RV_SHAPE_INT, REQ, "All", NULL, NULL, 0},
        {"ready", RV_SHAPE_INT, REQ, "Served everywhere", NULL, NULL, 0},
        {"renewing", RV_SHAPE_INT, REQ, "Served everywhere, a newer one on its way", NULL, NULL, 0},
        {"progressing", RV_SHAPE_INT, REQ, "Being worked on", NULL, NULL, 0},
        {"waiting", RV_SHAPE_INT, REQ, "Waiting for a time, a batch or an approval", NULL, NULL, 0},
        {"degraded", RV_SHAPE_INT, REQ, "Something else is served", NULL, NULL, 0},
        {"needsPerson", RV_SHAPE_INT, REQ, "Somebody has to act", NULL, NULL, 0},
        {0},
    },
    false,
};
const struct rv_shape rv_shape_status = {
    "Status",
    "The controller at a glance",
    (const struct rv_field[]){
        {"version", RV_SHAPE_TEXT, REQ, "Version of reeved", NULL, NULL, 0},
        {"now", RV_SHAPE_TIME, REQ, "Its clock", NULL, NULL, 0},
        {"instance", RV_SHAPE_TEXT, 0, "Id of this installation", NULL, NULL, 0},
        {"counts", RV_SHAPE_OBJECT, REQ, "Certificates by state", &counts, NULL, 0},
        {"countedAt", RV_SHAPE_TIME, 0, "When they were counted", NULL, NULL, 0},
        {"nextRenewal", RV_SHAPE_TIME, 0, "The earliest renewal that is due", NULL, NULL, 0},
        {"nextExpiry", RV_SHAPE_TIME, 0, "The earliest end of validity", NULL, NULL, 0},
        {0},
    },
    false,
};

static const struct rv_shape budget = {
    "Budget",
    "What was spent of the limits that keep a loop from running away",
    (const struct rv_field[]){
        {"issued", RV_SHAPE_INT, REQ, "Certificates issued since it last converged", NULL, NULL, 0},
        {"issuedLimit", RV_SHAPE_INT, REQ, "At most", NULL, NULL, 0},
        {"failures", RV_SHAPE_INT, REQ, "Failures in a row", NULL, NULL, 0},
        {"failedStep", RV_SHAPE_TEXT, 0, "The step that failed", NULL, NULL, 0},
        {"failedStatus", RV_SHAPE_TEXT, 0, "How it failed", NULL, NULL, 0},
        {"notBefore", RV_SHAPE_TIME, 0, "Back-off: no attempt before", NULL, NULL, 0},
        {"switchFailures", RV_SHAPE_INT, REQ, "Switches that were put back", NULL, NULL, 0},
        {"switchFailuresLimit", RV_SHAPE_INT, REQ, "At most", NULL, NULL, 0},
        {"drifts", RV_SHAPE_INT, REQ, "Times something else was served after convergence", NULL, NULL, 0},
        {"driftsLimit", RV_SHAPE_INT, REQ, "At most", NULL, NULL, 0},
        {0},
    },
    false,
};
static const struct rv_shape effect = {
    "Effect",
    "One entry of the journal",
    (const struct rv_field[]){
        {"id", RV_SHAPE_INT, REQ, "Number", NULL, NULL, 0},
        {"step", RV_SHAPE_TEXT, REQ, "Step", NULL, NULL, 0},
        {"state", RV_SHAPE_TEXT, REQ, "intent, done, failed, uncertain", NULL, NULL, 0},
        {"attempt", RV_SHAPE_INT, REQ, "1 the first", NULL, NULL, 0},
        {"reason", RV_SHAPE_TEXT, 0, "Why it was done", NULL, NULL, 0},
        {"begunAt", RV_SHAPE_TIME, 0, "Begun", NULL, NULL, 0},
        {"endedAt", RV_SHAPE_TIME, 0, "Ended", NULL, NULL, 0},
        {"evidence", RV_SHAPE_DOCUMENT, 0, "What was seen", NULL, NULL, 0},
        {0},
    },
    false,
};
static const struct rv_shape why_target = {
    "WhyTarget",
    "Why one target is in its state",
    (const struct rv_field[]){
        {"target", RV_SHAPE_TEXT, REQ, "Name of the target", NULL, NULL, 0},
        {"state", RV_SHAPE_TEXT, REQ, "State", NULL, state_values, 0},
        {"verdict", RV_SHAPE_TEXT, REQ, "do now, wait, or halt until a person acts", NULL, verdict_values, 0},
        {"step", RV_SHAPE_TEXT, REQ, "The step that is next", NULL, NULL, 0},
        {"doing", RV_SHAPE_TEXT, 0, "The step that is under way", NULL, NULL, 0},
        {"reason", RV_SHAPE_OBJECT, REQ, "Why", &reason, NULL, 0},
        {"at", RV_SHAPE_TIME, 0, "Not before", NULL, NULL, 0},
        {"text", RV_SHAPE_TEXT, REQ, "What is the case, what happens next, when, and what would change that", NULL, NULL, 0},
        {"fault", RV_SHAPE_OBJECT, 0, "The last failure, until the next success", &fault_view, NULL, 0},
        {"budget", RV_SHAPE_OBJECT, REQ, "What was spent of the limits", &budget, NULL, 0},
        {"effects", RV_SHAPE_OBJECT, MANY, "The last entries of the journal, newest first", &effect, NULL, 0},
        {0},
    },
    false,
};
const struct rv_shape rv_shape_why = {
    "Why",
    "Why a certificate is in its state, what happens next, and when",
    (const struct rv_field[]){
        {"name", RV_SHAPE_TEXT, REQ, "Name", NULL, NULL, 0},
        {"state", RV_SHAPE_TEXT, REQ, "State", NULL, state_values, 0},
        {"text", RV_SHAPE_TEXT, REQ, "The answer in one sentence", NULL, NULL, 0},
        {"targets", RV_SHAPE_OBJECT, MANY, "Target by target", &why_target, NULL, 0},
        {0},
    },
    false,
};

const struct rv_shape rv_shape_started = {
    "Started",
    "What was set going",
    (const struct rv_field[]){
        {"name", RV_SHAPE_TEXT, REQ, "Name of the certificate", NULL, NULL, 0},
        {"targets", RV_SHAPE_TEXT, MANY, "On these targets", NULL, NULL, 0},
        {0},
    },
    false,
};
static const struct rv_shape rollout_target = {
    "RolloutTarget",
    "One target of a rollout",
    (const struct rv_field[]){
        {"target", RV_SHAPE_TEXT, REQ, "Name", NULL, NULL, 0},
        {"state", RV_SHAPE_TEXT, REQ, "State", NULL, state_values, 0},
        {"ready", RV_SHAPE_BOOL, REQ, "Every endpoint serves the newest certificate", NULL, NULL, 0},
        {"reason", RV_SHAPE_OBJECT, REQ, "Why", &reason, NULL, 0},
        {"fault", RV_SHAPE_OBJECT, 0, "The last failure", &fault_view, NULL, 0},
        {0},
    },
    false,
};
static const struct rv_shape rollout_batch = {
    "RolloutBatch",
    "Targets that are changed together",
    (const struct rv_field[]){
        {"batch", RV_SHAPE_INT, REQ, "1 the first", NULL, NULL, 0},
        {"targets", RV_SHAPE_OBJECT, MANY, "Its targets", &rollout_target, NULL, 0},
        {0},
    },
    false,
};
const struct rv_shape rv_shape_rollout = {
    "Rollout",
    "A certificate on its way through its targets",
    (const struct rv_field[]){
        {"name", RV_SHAPE_TEXT, REQ, "Name of the certificate", NULL, NULL, 0},
        {"batches", RV_SHAPE_OBJECT, MANY, "In order", &rollout_batch, NULL, 0},
        {"done", RV_SHAPE_INT, REQ, "Targets that serve it", NULL, NULL, 0},
        {"failed", RV_SHAPE_INT, REQ, "Targets that need a person, or were put back", NULL, NULL, 0},
        {"total", RV_SHAPE_INT, REQ, "All targets", NULL, NULL, 0},
        {0},
    },
    false,
};

const struct rv_shape rv_shape_object = {
    "Object",
    "A declared document with every default filled in (see /api/v1/schema.json)",
    (const struct rv_field[]){
        {"apiVersion", RV_SHAPE_TEXT, REQ, "reeve/v1", NULL, NULL, 0},
        {"kind", RV_SHAPE_TEXT, REQ, "Kind", NULL, NULL, 0},
        {"metadata", RV_SHAPE_DOCUMENT, REQ, "Name, labels, owner", NULL, NULL, 0},
        {"spec", RV_SHAPE_DOCUMENT, REQ, "What is declared", NULL, NULL, 0},
        {"generation", RV_SHAPE_INT, REQ, "Grows with every change; 0: built in", NULL, NULL, 0},
        {"createdAt", RV_SHAPE_TIME, 0, "First declared", NULL, NULL, 0},
        {"updatedAt", RV_SHAPE_TIME, 0, "Last changed", NULL, NULL, 0},
        {0},
    },
    false,
};
PAGE(rv_shape_object_list, "ObjectList", "A page of declared documents", rv_shape_object);

const struct rv_shape rv_shape_apply_request = {
    "ApplyRequest",
    "Documents to declare, all or none",
    (const struct rv_field[]){
        {"documents", RV_SHAPE_DOCUMENT, MANY, "Documents of apiVersion reeve/v1 (see /api/v1/schema.json)", NULL, NULL, 0},
        {0},
    },
    false,
};
static const struct rv_shape change = {
    "Change",
    "One document",
    (const struct rv_field[]){
        {"kind", RV_SHAPE_TEXT, REQ, "Kind", NULL, NULL, 0},
        {"name", RV_SHAPE_TEXT, REQ, "Name", NULL, NULL, 0},
        {"change", RV_SHAPE_TEXT, REQ, "What happens to it", NULL, change_values, 0},
        {"before", RV_SHAPE_DOCUMENT, 0, "Before", NULL, NULL, 0},
        {"after", RV_SHAPE_DOCUMENT, 0, "After", NULL, NULL, 0},
        {0},
    },
    false,
};
static const struct rv_shape planned = {
    "Planned",
    "The next step of one certificate on one target",
    (const struct rv_field[]){
        {"certificate", RV_SHAPE_TEXT, REQ, "Certificate", NULL, NULL, 0},
        {"target", RV_SHAPE_TEXT, REQ, "Target, \"\" when it is only watched", NULL, NULL, 0},
        {"verdict", RV_SHAPE_TEXT, REQ, "do now, wait, or halt until a person acts", NULL, verdict_values, 0},
        {"step", RV_SHAPE_TEXT, REQ, "Step", NULL, NULL, 0},
        {"reason", RV_SHAPE_OBJECT, REQ, "Why", &reason, NULL, 0},
        {"at", RV_SHAPE_TIME, 0, "Not before", NULL, NULL, 0},
        {"text", RV_SHAPE_TEXT, REQ, "One sentence for people", NULL, NULL, 0},
        {0},
    },
    false,
};
const struct rv_shape rv_shape_apply_answer = {
    "ApplyAnswer",
    "What changed (or would), and what follows from it",
    (const struct rv_field[]){
        {"changes", RV_SHAPE_OBJECT, MANY, "Document by document", &change, NULL, 0},
        {"actions", RV_SHAPE_OBJECT, MANY, "The next step of every certificate on every target that is touched", &planned,
         NULL, 0},
        {0},
    },
    false,
};
PAGE(rv_shape_plan_list, "PlanList", "A page of next steps", planned);

const struct rv_shape rv_shape_issue_request = {
    "IssueRequest",
    "A certificate signing request",
    (const struct rv_field[]){
        {"profile", RV_SHAPE_TEXT, REQ, "Profile", NULL, NULL, 63},
        {"csr", RV_SHAPE_TEXT, REQ, "PKCS#10 as PEM", NULL, NULL, 65536},
        {0},
    },
    false,
};
const struct rv_shape rv_shape_issue_answer = {
    "IssueAnswer",
    "The certificate that was issued",
    (const struct rv_field[]){
        {"serial", RV_SHAPE_TEXT, REQ, "Serial number, lower-case hex", NULL, NULL, 0},
        {"certificate", RV_SHAPE_TEXT, REQ, "PEM", NULL, NULL, 0},
        {"chain", RV_SHAPE_TEXT, REQ, "PEM of what follows the certificate, root left out", NULL, NULL, 0},
        {"fingerprint", RV_SHAPE_HASH, REQ, "SHA-256 of the certificate", NULL, NULL, 0},
        {"notBefore", RV_SHAPE_TIME, REQ, "Start of validity", NULL, NULL, 0},
        {"notAfter", RV_SHAPE_TIME, REQ, "End of validity", NULL, NULL, 0},
        {0},
    },
    false,
};
#define ISSUED_FIELDS                                                                                                       \
    {"issuer", RV_SHAPE_TEXT, REQ, "Issuer", NULL, NULL, 0}, {"profile", RV_SHAPE_TEXT, REQ, "Profile", NULL, NULL, 0},     \
        {"serial", RV_SHAPE_TEXT, REQ, "Serial number, lower-case hex", NULL, NULL, 0},                                     \
        {"state", RV_SHAPE_TEXT, REQ, "intent, issued, abandoned", NULL, NULL, 0},                                          \
        {"subject", RV_SHAPE_TEXT, 0, "Subject", NULL, NULL, 0},                                                            \
        {"names", RV_SHAPE_TEXT, LIST, "Subject alternative names: dns:a.example", NULL, NULL, 0},                          \
        {"fingerprint", RV_SHAPE_HASH, 0, "SHA-256 of the certificate", NULL, NULL, 0},                                     \
        {"notBefore", RV_SHAPE_TIME, 0, "Start of validity", NULL, NULL, 0},                                                \
        {"notAfter", RV_SHAPE_TIME, 0, "End of validity", NULL, NULL, 0},                                                   \
        {"issuedAt", RV_SHAPE_TIME, 0, "Signed", NULL, NULL, 0}, {"revokedAt", RV_SHAPE_TIME, 0, "Revoked", NULL, NULL, 0}, \
    {                                                                                                                       \
        "actor", RV_SHAPE_TEXT, 0, "Who asked", NULL, NULL, 0                                                               \
    }
const struct rv_shape rv_shape_issued = {
    "IssuedCertificate",
    "A certificate of the inventory",
    (const struct rv_field[]){
        ISSUED_FIELDS,
        {"certificate", RV_SHAPE_TEXT, 0, "PEM", NULL, NULL, 0},
        {"chain", RV_SHAPE_TEXT, 0, "PEM of what follows the certificate, root left out", NULL, NULL, 0},
        {0},
    },
    false,
};
static const struct rv_shape issued_row = {
    "IssuedRow",
    "A certificate of the inventory, without its bytes",
    (const struct rv_field[]){ISSUED_FIELDS, {0}},
    false,
};
PAGE(rv_shape_issued_list, "IssuedList", "A page of issued certificates, newest first", issued_row);

static const struct rv_shape audit_row = {
    "AuditRow",
    "One row of the audit, and one live event",
    (const struct rv_field[]){
        {"number", RV_SHAPE_INT, REQ, "1, 2, 3, … without gaps", NULL, NULL, 0},
        {"at", RV_SHAPE_TIME, REQ, "When", NULL, NULL, 0},
        {"actor", RV_SHAPE_TEXT, REQ, "Who", NULL, NULL, 0},
        {"action", RV_SHAPE_TEXT, REQ, "What", NULL, NULL, 0},
        {"subject", RV_SHAPE_TEXT, REQ, "To what", NULL, NULL, 0},
        {"text", RV_SHAPE_TEXT, 0, "What happened, for people", NULL, NULL, 0},
        {"severity", RV_SHAPE_TEXT, 0, "How much of a person's attention it needs", NULL, severity_values, 0},
        {"detail", RV_SHAPE_DOCUMENT, 0, "More", NULL, NULL, 0},
        {"hash", RV_SHAPE_HASH, 0, "SHA-256 over the row before and this one", NULL, NULL, 0},
        {0},
    },
    false,
};
PAGE(rv_shape_audit_list, "AuditList", "A page of the audit", audit_row);
const struct rv_shape rv_shape_audit_verify = {
    "AuditVerify",
    "Whether the chain of the audit holds",
    (const struct rv_field[]){
        {"count", RV_SHAPE_INT, REQ, "Rows that hold", NULL, NULL, 0},
        {"head", RV_SHAPE_HASH, 0, "Hash of the last of them", NULL, NULL, 0},
        {"ok", RV_SHAPE_BOOL, REQ, "All of them", NULL, NULL, 0},
        {"firstBad", RV_SHAPE_INT, 0, "The first that does not", NULL, NULL, 0},
        {0},
    },
    false,
};

const struct rv_shape rv_shape_token_request = {
    "TokenRequest",
    "A token to make",
    (const struct rv_field[]){
        {"name", RV_SHAPE_TEXT, REQ, "What it is for; shown in the audit as token:NAME", NULL, NULL, 63},
        {"role", RV_SHAPE_TEXT, REQ, "What it may do", NULL, role_values, 0},
        {"expiresIn", RV_SHAPE_TEXT, 0, "Duration, at most 365d (default 90d)", NULL, NULL, 32},
        {0},
    },
    false,
};
const struct rv_shape rv_shape_token_answer = {
    "TokenAnswer",
    "A new token; its text is shown this once",
    (const struct rv_field[]){
        {"id", RV_SHAPE_TEXT, REQ, "Public part", NULL, NULL, 0},
        {"name", RV_SHAPE_TEXT, REQ, "Name", NULL, NULL, 0},
        {"role", RV_SHAPE_TEXT, REQ, "Role", NULL, role_values, 0},
        {"token", RV_SHAPE_TEXT, REQ, "For the header Authorization: Bearer …", NULL, NULL, 0},
        {"expiresAt", RV_SHAPE_TIME, REQ, "End of validity", NULL, NULL, 0},
        {0},
    },
    false,
};
static const struct rv_shape token_row = {
    "Token",
    "A token, without its secret",
    (const struct rv_field[]){
        {"id", RV_SHAPE_TEXT, REQ, "Public part", NULL, NULL, 0},
        {"name", RV_SHAPE_TEXT, REQ, "Name", NULL, NULL, 0},
        {"role", RV_SHAPE_TEXT, REQ, "Role", NULL, role_values, 0},
        {"createdAt", RV_SHAPE_TIME, 0, "Made", NULL, NULL, 0},
        {"expiresAt", RV_SHAPE_TIME, 0, "End of validity", NULL, NULL, 0},
        {"usedAt", RV_SHAPE_TIME, 0, "Last used, to the minute", NULL, NULL, 0},
        {"revokedAt", RV_SHAPE_TIME, 0, "Revoked", NULL, NULL, 0},
        {0},
    },
    false,
};
PAGE(rv_shape_token_list, "TokenList", "Tokens", token_row);

const struct rv_shape rv_shape_link_request = {
    "LinkRequest",
    "A one-time sign-in link to make",
    (const struct rv_field[]){
        {"name", RV_SHAPE_TEXT, 0, "Who will sign in (default: who asks)", NULL, NULL, 63},
        {"role", RV_SHAPE_TEXT, 0, "What they may do (default: admin)", NULL, role_values, 0},
        {"expiresIn", RV_SHAPE_TEXT, 0, "Duration, at most 24h (default 15m)", NULL, NULL, 32},
        {0},
    },
    false,
};
const struct rv_shape rv_shape_link_answer = {
    "LinkAnswer",
    "A one-time sign-in link; it is shown this once",
    (const struct rv_field[]){
        {"name", RV_SHAPE_TEXT, REQ, "Who will sign in", NULL, NULL, 0},
        {"role", RV_SHAPE_TEXT, REQ, "Role", NULL, role_values, 0},
        {"code", RV_SHAPE_TEXT, REQ, "For POST /api/v1/session", NULL, NULL, 0},
        {"url", RV_SHAPE_TEXT, 0, "The page to open", NULL, NULL, 0},
        {"expiresAt", RV_SHAPE_TIME, REQ, "End of validity", NULL, NULL, 0},
        {0},
    },
    false,
};
const struct rv_shape rv_shape_session_request = {
    "SessionRequest",
    "Sign-in",
    (const struct rv_field[]){
        {"code", RV_SHAPE_TEXT, REQ, "What stands behind # in the sign-in link", NULL, NULL, 0},
        {0},
    },
    false,
};
const struct rv_shape rv_shape_session = {
    "Session",
    "Who is signed in",
    (const struct rv_field[]){
        {"name", RV_SHAPE_TEXT, REQ, "Name", NULL, NULL, 0},
        {"role", RV_SHAPE_TEXT, REQ, "Role", NULL, role_values, 0},
        {"csrf", RV_SHAPE_TEXT, 0, "For the header X-CSRF-Token of unsafe requests; only for browser sessions", NULL, NULL,
         0},
        {"expiresAt", RV_SHAPE_TIME, 0, "When it ends at the latest", NULL, NULL, 0},
        {0},
    },
    false,
};
const struct rv_shape rv_shape_health = {
    "Health",
    "The program answers",
    (const struct rv_field[]){
        {"status", RV_SHAPE_TEXT, REQ, "ok", NULL, NULL, 0},
        {0},
    },
    false,
};

const struct rv_shape *const rv_shapes[] = {
    &rv_shape_empty,
    &rv_shape_problem,
    &problem_fault,
    &reason,
    &next,
    &issued_view,
    &fault_view,
    &endpoint,
    &target_view,
    &rv_shape_certificate,
    &rv_shape_certificate_list,
    &counts,
    &rv_shape_status,
    &budget,
    &effect,
    &why_target,
    &rv_shape_why,
    &rv_shape_started,
    &rollout_target,
    &rollout_batch,
    &rv_shape_rollout,
    &rv_shape_object,
    &rv_shape_object_list,
    &rv_shape_apply_request,
    &change,
    &planned,
    &rv_shape_apply_answer,
    &rv_shape_plan_list,
    &rv_shape_issue_request,
    &rv_shape_issue_answer,
    &rv_shape_issued,
    &issued_row,
    &rv_shape_issued_list,
    &audit_row,
    &rv_shape_audit_list,
    &rv_shape_audit_verify,
    &rv_shape_token_request,
    &rv_shape_token_answer,
    &token_row,
    &rv_shape_token_list,
    &rv_shape_link_request,
    &rv_shape_link_answer,
    &rv_shape_session_request,
    &rv_shape_session,
    &rv_shape_health,
    NULL,
};

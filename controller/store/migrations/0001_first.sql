-- The first schema. Forward only: a released file never changes, the next change is the next number.
-- Times are milliseconds since 1970 (0: unknown), hashes and certificates are bytes, all-zero hashes are null.
-- Enumerations are stored as numbers; the aggregates hold them fast by static assertions.
PRAGMA application_id = 1382376822; -- "Reev"

CREATE TABLE migration (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL
) STRICT;

CREATE TABLE meta (
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Declared objects. A deleted one leaves its generation behind (document null).
CREATE TABLE object (
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    generation INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    document TEXT,
    UNIQUE (kind, name)
) STRICT;

-- One certificate on one target; the reconcile queue is due_at. Columns, not JSON: a million of them are streamed.
CREATE TABLE binding (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    certificate TEXT NOT NULL,
    target TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0,
    unfinished INTEGER NOT NULL DEFAULT 0,
    mode INTEGER NOT NULL,
    deploys INTEGER NOT NULL,
    spec BLOB,
    renew_percent INTEGER NOT NULL,
    renew_before INTEGER NOT NULL,
    soak INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    max_failed INTEGER NOT NULL,
    undo_auto INTEGER NOT NULL,
    endpoints INTEGER NOT NULL,
    renew_request INTEGER NOT NULL,
    approved INTEGER NOT NULL,
    paused INTEGER NOT NULL,
    issued_have INTEGER NOT NULL DEFAULT 0,
    issued_fingerprint BLOB,
    issued_spec BLOB,
    issued_certificate_id INTEGER NOT NULL DEFAULT 0,
    issued_renew_request INTEGER NOT NULL DEFAULT 0,
    issued_not_before INTEGER NOT NULL DEFAULT 0,
    issued_not_after INTEGER NOT NULL DEFAULT 0,
    issued_at INTEGER NOT NULL DEFAULT 0,
    issued_revoked_at INTEGER NOT NULL DEFAULT 0,
    pending_have INTEGER NOT NULL DEFAULT 0,
    pending_spec BLOB,
    pending_spki BLOB,
    pending_renew_request INTEGER NOT NULL DEFAULT 0,
    pending_made_at INTEGER NOT NULL DEFAULT 0,
    target_observed_at INTEGER NOT NULL DEFAULT 0,
    target_current BLOB,
    target_previous BLOB,
    target_armed BLOB,
    target_armed_until INTEGER NOT NULL DEFAULT 0,
    target_staged INTEGER NOT NULL DEFAULT 0,
    target_key_lost INTEGER NOT NULL DEFAULT 0,
    target_locked_by_other INTEGER NOT NULL DEFAULT 0,
    served_observed_at INTEGER NOT NULL DEFAULT 0,
    served_good INTEGER NOT NULL DEFAULT 0,
    served_foreign INTEGER NOT NULL DEFAULT 0,
    served_previous INTEGER NOT NULL DEFAULT 0,
    served_unreachable INTEGER NOT NULL DEFAULT 0,
    served_refused INTEGER NOT NULL DEFAULT 0,
    served_earliest_not_after INTEGER NOT NULL DEFAULT 0,
    budget_issued_in_window INTEGER NOT NULL DEFAULT 0,
    budget_failures INTEGER NOT NULL DEFAULT 0,
    budget_not_before INTEGER NOT NULL DEFAULT 0,
    budget_failed_step INTEGER NOT NULL DEFAULT 0,
    budget_failed_status INTEGER NOT NULL DEFAULT 0,
    budget_switch_failures INTEGER NOT NULL DEFAULT 0,
    budget_drifts INTEGER NOT NULL DEFAULT 0,
    switched_at INTEGER NOT NULL DEFAULT 0,
    proved_at INTEGER NOT NULL DEFAULT 0,
    kept_at INTEGER NOT NULL DEFAULT 0,
    proved BLOB,
    settle_probes INTEGER NOT NULL DEFAULT 0,
    fault TEXT,
    fault_at INTEGER NOT NULL DEFAULT 0,
    UNIQUE (certificate, target)
) STRICT;
CREATE INDEX binding_due ON binding (due_at) WHERE deleted = 0;
CREATE INDEX binding_target ON binding (target);
CREATE INDEX binding_unfinished ON binding (unfinished) WHERE unfinished <> 0;

CREATE TABLE endpoint (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused: a late observation must not land on another endpoint
    binding INTEGER NOT NULL REFERENCES binding (id),
    place INTEGER NOT NULL,
    address TEXT NOT NULL,
    server_name TEXT NOT NULL,
    observed_at INTEGER NOT NULL DEFAULT 0,
    outcome INTEGER NOT NULL DEFAULT 0,
    fingerprint BLOB,
    chain_valid INTEGER NOT NULL DEFAULT 0,
    name_valid INTEGER NOT NULL DEFAULT 0,
    time_valid INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL DEFAULT 0,
    not_after INTEGER NOT NULL DEFAULT 0,
    subject TEXT,
    issuer TEXT,
    serial TEXT,
    protocol TEXT,
    cipher TEXT,
    "group" TEXT,
    fault TEXT,
    UNIQUE (binding, address, server_name)
) STRICT;

-- Every certificate that some endpoint showed, once.
CREATE TABLE seen_certificate (
    fingerprint BLOB PRIMARY KEY NOT NULL,
    der BLOB NOT NULL,
    first_seen_at INTEGER NOT NULL
) STRICT;

-- Issued, from the reservation of the serial on. Rows are never deleted: a serial is used once for ever.
CREATE TABLE certificate (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    issuer TEXT NOT NULL,
    profile TEXT NOT NULL,
    serial TEXT NOT NULL,
    idempotency_key TEXT,
    actor TEXT NOT NULL,
    state INTEGER NOT NULL,
    binding INTEGER NOT NULL,
    renew_request INTEGER NOT NULL,
    spec BLOB,
    fingerprint BLOB,
    spki BLOB,
    not_before INTEGER NOT NULL,
    not_after INTEGER NOT NULL,
    reserved_at INTEGER NOT NULL,
    issued_at INTEGER NOT NULL DEFAULT 0,
    revoked_at INTEGER NOT NULL DEFAULT 0,
    revocation_reason INTEGER NOT NULL DEFAULT 0,
    subject TEXT NOT NULL,
    names TEXT NOT NULL,
    tbs BLOB,
    der BLOB,
    UNIQUE (issuer, serial)
) STRICT;
CREATE UNIQUE INDEX certificate_key ON certificate (issuer, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX certificate_fingerprint ON certificate (fingerprint) WHERE fingerprint IS NOT NULL;
CREATE INDEX certificate_issuer ON certificate (issuer);
CREATE INDEX certificate_intent ON certificate (state) WHERE state = 0;
CREATE TRIGGER certificate_stays BEFORE DELETE ON certificate
BEGIN
    SELECT RAISE(ABORT, 'issued certificates are never deleted');
END;

CREATE TABLE issuer (
    name TEXT PRIMARY KEY NOT NULL,
    spki BLOB,
    chain_pem TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Intent, effect, evidence.
CREATE TABLE effect (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    binding INTEGER NOT NULL REFERENCES binding (id),
    step INTEGER NOT NULL,
    state INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    idempotency_key TEXT,
    reason TEXT,
    begun_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL DEFAULT 0,
    evidence TEXT
) STRICT;
CREATE INDEX effect_binding ON effect (binding);
CREATE UNIQUE INDEX effect_open ON effect (binding) WHERE state = 0;

-- The audit: append only, hashed one onto the other. The head row is what shows that the end was cut off.
CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT,
    hash BLOB NOT NULL
) STRICT;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit rows are never changed');
END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit rows are never deleted');
END;
CREATE TABLE audit_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    number INTEGER NOT NULL,
    hash BLOB NOT NULL
) STRICT;
INSERT INTO audit_head (one, number, hash) VALUES (1, 0, zeroblob(32));

-- Tokens, sign-in links and sessions, by the hash of their secret.
CREATE TABLE access (
    kind INTEGER NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    secret BLOB NOT NULL,
    csrf BLOB,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    revoked_at INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- Answers given for an Idempotency-Key.
CREATE TABLE answer (
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    request BLOB,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    at INTEGER NOT NULL,
    UNIQUE (actor, key)
) STRICT;
CREATE INDEX answer_at ON answer (at);

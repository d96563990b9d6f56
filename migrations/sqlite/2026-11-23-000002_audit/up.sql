-- The trace. One chain an organization; no row is ever changed or taken away.

CREATE TABLE audit_heads (
    organization_id  BLOB NOT NULL PRIMARY KEY,
    sequence         INTEGER NOT NULL,
    hash             BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_events (
    organization_id  BLOB NOT NULL,
    sequence         INTEGER NOT NULL,
    at               INTEGER NOT NULL,
    actor_id         BLOB,
    actor_role       TEXT CHECK (actor_role IN ('admin', 'supervisor', 'advocate', 'client', 'integration', 'auditor')),
    session_id       BLOB,
    source           TEXT NOT NULL,
    action           TEXT NOT NULL,
    subject_id       BLOB,
    outcome          TEXT NOT NULL CHECK (outcome IN ('done', 'refused')),
    fields           TEXT NOT NULL CHECK (json_valid(fields)),
    subjects         TEXT NOT NULL CHECK (json_valid(subjects)),
    request_id       BLOB NOT NULL,
    hash             BLOB NOT NULL,
    PRIMARY KEY (organization_id, sequence)
) STRICT, WITHOUT ROWID;
-- GET /audit-events?subject_id=
CREATE INDEX audit_events_by_subject ON audit_events (organization_id, subject_id, sequence);
-- GET /audit-events?actor_id=
CREATE INDEX audit_events_by_actor ON audit_events (organization_id, actor_id, sequence);

-- LG-02: no row is changed or taken away, whoever asks.
CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events BEGIN SELECT raise(ABORT, 'audit_events is append-only'); END;
CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events BEGIN SELECT raise(ABORT, 'audit_events is append-only'); END;

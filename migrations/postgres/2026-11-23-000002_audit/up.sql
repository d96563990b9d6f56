-- The trace. One chain an organization; no row is ever changed or taken away.

CREATE TABLE audit_heads (
    organization_id  UUID NOT NULL PRIMARY KEY,
    sequence         INT8 NOT NULL,
    hash             BYTEA NOT NULL
);

CREATE TABLE audit_events (
    organization_id  UUID NOT NULL,
    sequence         INT8 NOT NULL,
    at               TIMESTAMPTZ NOT NULL,
    actor_id         UUID,
    actor_role       TEXT CHECK (actor_role IN ('admin', 'supervisor', 'advocate', 'client', 'integration', 'auditor')),
    session_id       UUID,
    source           TEXT NOT NULL,
    action           TEXT NOT NULL,
    subject_id       UUID,
    outcome          TEXT NOT NULL CHECK (outcome IN ('done', 'refused')),
    fields           JSONB NOT NULL,
    subjects         JSONB NOT NULL,
    request_id       UUID NOT NULL,
    hash             BYTEA NOT NULL,
    PRIMARY KEY (organization_id, sequence)
);
-- GET /audit-events?subject_id=
CREATE INDEX audit_events_by_subject ON audit_events (organization_id, subject_id, sequence);
-- GET /audit-events?actor_id=
CREATE INDEX audit_events_by_actor ON audit_events (organization_id, actor_id, sequence);

-- LG-02: no row is changed or taken away, whoever asks.
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'audit_events is append-only'; END $$;
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE ON audit_events FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON audit_events FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

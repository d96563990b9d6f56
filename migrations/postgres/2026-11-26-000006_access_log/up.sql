SET LOCAL lock_timeout TO '10s'; -- rather this, again, than every request behind it
-- GET /clients/{id}/access-log: which entries of the trace touch which client, by which record. It is looked up after the entries are
-- there, those of before this too, up to the mark. A block is of some thousand
-- entries that follow one another: what is entered together stands together, and a client is looked up in each block, the newest first.
CREATE TABLE access_log (
    organization_id  UUID NOT NULL,
    block            INT8 NOT NULL,
    client_id        UUID NOT NULL,
    sequence         INT8 NOT NULL,
    subject_id       UUID NOT NULL,
    kind             TEXT NOT NULL CHECK (kind IN ('client', 'statement', 'case', 'assignment', 'handover', 'break_glass', 'conflict_check', 'barrier', 'action', 'deadline', 'note', 'task', 'meeting', 'preparation_item', 'commitment', 'feedback')),
    case_id          UUID,
    PRIMARY KEY (organization_id, block, client_id, sequence, subject_id)
);
CREATE TABLE access_log_marks (
    organization_id  UUID NOT NULL,
    sequence         INT8 NOT NULL,
    PRIMARY KEY (organization_id),
    FOREIGN KEY (organization_id) REFERENCES organizations (id)
);

-- AZ-09: behind the wall. What it says of the trace stays said, as in the trace.
GRANT SELECT, INSERT ON access_log TO alongside_app;
GRANT SELECT, INSERT, UPDATE ON access_log_marks TO alongside_app;
ALTER TABLE access_log ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_organization ON access_log TO alongside_app USING (organization_id = NULLIF(current_setting('app.organization', TRUE), '')::uuid);
ALTER TABLE access_log_marks ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_organization ON access_log_marks TO alongside_app USING (organization_id = NULLIF(current_setting('app.organization', TRUE), '')::uuid);
-- Housekeeping looks for where there is something to do.
CREATE POLICY all_organizations ON access_log_marks FOR SELECT TO alongside_keeper USING (TRUE);

SET LOCAL lock_timeout TO '10s'; -- rather this, again, than every request behind it
-- A client who was entered twice: which record is kept, and who found it. The row of the other stays, so that its id goes on resolving;
-- it is in no list and in no search.
ALTER TABLE clients ADD COLUMN is_merged BOOL NOT NULL DEFAULT FALSE;
-- The names under which merged duplicates of this client were entered.
ALTER TABLE clients ADD COLUMN other_names JSONB NOT NULL DEFAULT '[]';

CREATE TABLE client_merges (
    organization_id  UUID NOT NULL,
    client_id        UUID NOT NULL,
    -- Never itself merged.
    into_id          UUID NOT NULL,
    reason           TEXT,
    merged_by        UUID NOT NULL,
    merged_at        TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, client_id),
    FOREIGN KEY (organization_id, client_id) REFERENCES clients (organization_id, id),
    FOREIGN KEY (organization_id, into_id) REFERENCES clients (organization_id, id),
    FOREIGN KEY (organization_id, merged_by) REFERENCES users (organization_id, id)
);
-- What was merged into a client.
CREATE INDEX client_merges_by_survivor ON client_merges (organization_id, into_id);

-- AZ-09: row-level security, as every table of organizations has it.
GRANT SELECT, INSERT, UPDATE, DELETE ON client_merges TO alongside_app;
ALTER TABLE client_merges ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_organization ON client_merges TO alongside_app USING (organization_id = NULLIF(current_setting('app.organization', TRUE), '')::uuid);

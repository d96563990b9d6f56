SET LOCAL lock_timeout TO '10s'; -- rather this, again, than every request behind it
-- FX-02: for whom a file was made, whom it went to, why that was lawful, which notice went with it, and whose records were in it. An export
-- of before this migration has none of it: NULL means "not recorded".
ALTER TABLE exports ADD COLUMN audience TEXT;
ALTER TABLE exports ADD COLUMN recipient TEXT;
ALTER TABLE exports ADD COLUMN purpose TEXT;
ALTER TABLE exports ADD COLUMN purpose_text TEXT;
ALTER TABLE exports ADD COLUMN basis TEXT;
ALTER TABLE exports ADD COLUMN notice TEXT;
ALTER TABLE exports ADD COLUMN client_count INT8;

-- Each client whose record was in an export.
CREATE TABLE export_clients (
    organization_id  UUID NOT NULL,
    export_id        UUID NOT NULL,
    client_id        UUID NOT NULL,
    PRIMARY KEY (organization_id, export_id, client_id),
    FOREIGN KEY (organization_id, export_id) REFERENCES exports (organization_id, id),
    FOREIGN KEY (organization_id, client_id) REFERENCES clients (organization_id, id)
);
-- GET /exports?client_id=
CREATE INDEX export_clients_by_client ON export_clients (organization_id, client_id, export_id);

-- AZ-09: row-level security. Like the exports, these rows are never changed.
GRANT SELECT, INSERT ON export_clients TO alongside_app;
ALTER TABLE export_clients ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_organization ON export_clients TO alongside_app USING (organization_id = NULLIF(current_setting('app.organization', TRUE), '')::uuid);

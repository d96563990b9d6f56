-- FX-02: for whom a file was made, whom it went to, why that was lawful, which notice went with it, and whose records were in it. An export
-- of before this migration has none of it: NULL means "not recorded".
ALTER TABLE exports ADD COLUMN audience TEXT;
ALTER TABLE exports ADD COLUMN recipient TEXT;
ALTER TABLE exports ADD COLUMN purpose TEXT;
ALTER TABLE exports ADD COLUMN purpose_text TEXT;
ALTER TABLE exports ADD COLUMN basis TEXT;
ALTER TABLE exports ADD COLUMN notice TEXT;
ALTER TABLE exports ADD COLUMN client_count INTEGER;

-- Each client whose record was in an export.
CREATE TABLE export_clients (
    organization_id  BLOB NOT NULL,
    export_id        BLOB NOT NULL,
    client_id        BLOB NOT NULL,
    PRIMARY KEY (organization_id, export_id, client_id),
    FOREIGN KEY (organization_id, export_id) REFERENCES exports (organization_id, id),
    FOREIGN KEY (organization_id, client_id) REFERENCES clients (organization_id, id)
) STRICT, WITHOUT ROWID;
-- GET /exports?client_id=
CREATE INDEX export_clients_by_client ON export_clients (organization_id, client_id, export_id);
-- Like the exports, these rows are never changed.
CREATE TRIGGER export_clients_no_update BEFORE UPDATE ON export_clients BEGIN SELECT raise(ABORT, 'export_clients is append-only'); END;
CREATE TRIGGER export_clients_no_delete BEFORE DELETE ON export_clients BEGIN SELECT raise(ABORT, 'export_clients is append-only'); END;

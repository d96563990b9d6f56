-- A client who was entered twice: which record is kept, and who found it. The row of the other stays, so that its id goes on resolving;
-- it is in no list and in no search.
ALTER TABLE clients ADD COLUMN is_merged INTEGER NOT NULL DEFAULT 0 CHECK (is_merged IN (0, 1));
-- The names under which merged duplicates of this client were entered.
ALTER TABLE clients ADD COLUMN other_names TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(other_names));

CREATE TABLE client_merges (
    organization_id  BLOB NOT NULL,
    client_id        BLOB NOT NULL,
    -- Never itself merged.
    into_id          BLOB NOT NULL,
    reason           TEXT,
    merged_by        BLOB NOT NULL,
    merged_at        INTEGER NOT NULL,
    PRIMARY KEY (organization_id, client_id),
    FOREIGN KEY (organization_id, client_id) REFERENCES clients (organization_id, id),
    FOREIGN KEY (organization_id, into_id) REFERENCES clients (organization_id, id),
    FOREIGN KEY (organization_id, merged_by) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
-- What was merged into a client.
CREATE INDEX client_merges_by_survivor ON client_merges (organization_id, into_id);

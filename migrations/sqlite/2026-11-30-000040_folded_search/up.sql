-- What a provider or a service is found by: each word once, folded by the program, a space before and after it. Empty: still to be made.
ALTER TABLE providers ADD COLUMN words TEXT NOT NULL DEFAULT '';
ALTER TABLE services ADD COLUMN words TEXT NOT NULL DEFAULT '';

-- Organizations whose search documents were written before words were folded as they are now. SQL cannot fold: the program does it in the
-- order of the ids, before it serves, and takes the row away when it is done.
CREATE TABLE search_refolds (
    organization_id  BLOB NOT NULL PRIMARY KEY REFERENCES organizations (id),
    -- The last document that is done.
    after_id         BLOB
) STRICT, WITHOUT ROWID;
INSERT INTO search_refolds (organization_id) SELECT id FROM organizations;

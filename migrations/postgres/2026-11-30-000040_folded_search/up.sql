SET LOCAL lock_timeout TO '10s'; -- rather this, again, than every request behind it
-- What a provider or a service is found by: each word once, folded by the program, a space before and after it. Empty: still to be made.
ALTER TABLE providers ADD COLUMN words TEXT NOT NULL DEFAULT '';
ALTER TABLE services ADD COLUMN words TEXT NOT NULL DEFAULT '';

-- Organizations whose search documents were written before words were folded as they are now. SQL cannot fold: the program does it in the
-- order of the ids, before it serves, and takes the row away when it is done.
CREATE TABLE search_refolds (
    organization_id  UUID NOT NULL PRIMARY KEY REFERENCES organizations (id),
    -- The last document that is done.
    after_id         UUID
);
-- The owner is behind row-level security as well, and must see every organization here.
ALTER TABLE organizations NO FORCE ROW LEVEL SECURITY;
INSERT INTO search_refolds (organization_id) SELECT id FROM organizations;
ALTER TABLE organizations FORCE ROW LEVEL SECURITY;

-- AZ-09: row-level security, as every table of organizations has it.
GRANT SELECT, UPDATE, DELETE ON search_refolds TO alongside_app;
ALTER TABLE search_refolds ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_organization ON search_refolds TO alongside_app USING (organization_id = NULLIF(current_setting('app.organization', TRUE), '')::uuid);

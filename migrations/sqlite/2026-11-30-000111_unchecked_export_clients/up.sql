-- An export of a list has a row for each of up to 250,000 clients. A foreign key looks each of them up. It protects nothing here: the ids come
-- from a query of this program, and nobody can delete a client or an export. Removing the keys changes no row, so their text is removed from
-- the schema, as SQLite's documentation of ALTER TABLE describes it.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, ',
    FOREIGN KEY (organization_id, export_id) REFERENCES exports (organization_id, id),
    FOREIGN KEY (organization_id, client_id) REFERENCES clients (organization_id, id)', '')
    WHERE type = 'table' AND name = 'export_clients';
PRAGMA writable_schema = RESET;

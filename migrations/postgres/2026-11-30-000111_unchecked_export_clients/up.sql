SET LOCAL lock_timeout TO '10s';
-- An export of a list has a row for each of up to 250,000 clients. A foreign key locks the row of each client and so writes every page of
-- `clients`. It protects nothing here: the ids come from a query of this program, and nobody can delete a client or an export.
ALTER TABLE export_clients DROP CONSTRAINT export_clients_organization_id_client_id_fkey, DROP CONSTRAINT export_clients_organization_id_export_id_fkey;

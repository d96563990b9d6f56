SET LOCAL lock_timeout TO '10s';
ALTER TABLE export_clients NO FORCE ROW LEVEL SECURITY;
ALTER TABLE clients NO FORCE ROW LEVEL SECURITY;
ALTER TABLE exports NO FORCE ROW LEVEL SECURITY;
ALTER TABLE export_clients ADD CONSTRAINT export_clients_organization_id_client_id_fkey FOREIGN KEY (organization_id, client_id) REFERENCES clients (organization_id, id),
    ADD CONSTRAINT export_clients_organization_id_export_id_fkey FOREIGN KEY (organization_id, export_id) REFERENCES exports (organization_id, id);
ALTER TABLE export_clients FORCE ROW LEVEL SECURITY;
ALTER TABLE clients FORCE ROW LEVEL SECURITY;
ALTER TABLE exports FORCE ROW LEVEL SECURITY;

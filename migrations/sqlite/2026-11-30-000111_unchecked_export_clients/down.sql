PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'PRIMARY KEY (organization_id, export_id, client_id)', 'PRIMARY KEY (organization_id, export_id, client_id),
    FOREIGN KEY (organization_id, export_id) REFERENCES exports (organization_id, id),
    FOREIGN KEY (organization_id, client_id) REFERENCES clients (organization_id, id)')
    WHERE type = 'table' AND name = 'export_clients';
PRAGMA writable_schema = RESET;

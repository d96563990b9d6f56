DROP TABLE export_clients;
ALTER TABLE exports DROP COLUMN client_count;
ALTER TABLE exports DROP COLUMN notice;
ALTER TABLE exports DROP COLUMN basis;
ALTER TABLE exports DROP COLUMN purpose_text;
ALTER TABLE exports DROP COLUMN purpose;
ALTER TABLE exports DROP COLUMN recipient;
ALTER TABLE exports DROP COLUMN audience;

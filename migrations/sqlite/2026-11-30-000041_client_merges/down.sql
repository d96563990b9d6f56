DROP TABLE client_merges;
ALTER TABLE clients DROP COLUMN other_names;
ALTER TABLE clients DROP COLUMN is_merged;

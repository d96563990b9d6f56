SET LOCAL lock_timeout TO '10s'; -- rather this, again, than every request behind it
DROP TABLE client_merges;
ALTER TABLE clients DROP COLUMN other_names;
ALTER TABLE clients DROP COLUMN is_merged;

SET LOCAL lock_timeout TO '10s'; -- rather this, again, than every request behind it
DROP TABLE search_refolds;
ALTER TABLE services DROP COLUMN words;
ALTER TABLE providers DROP COLUMN words;

DROP TABLE search_refolds;
ALTER TABLE services DROP COLUMN words;
ALTER TABLE providers DROP COLUMN words;

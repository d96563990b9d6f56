DROP TABLE deadlines;
DROP TABLE actions;
DROP INDEX barriers_by_retaliation;
ALTER TABLE barriers DROP COLUMN possible_retaliation;

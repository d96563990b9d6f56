-- The kinds of records are declared in the program, each beside its routes: a CHECK here would have to be changed with every new kind, and
-- SQLite cannot change one. Removing a CHECK changes no row, so its text is removed from the schema, as SQLite's documentation of ALTER
-- TABLE describes it.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, ' CHECK (kind IN (''client'', ''case'', ''barrier'', ''meeting'', ''note''))', '')
    WHERE type = 'table' AND name IN ('search_shelves', 'search_documents');
UPDATE sqlite_schema SET sql = replace(sql, ' CHECK (kind IN (''client'', ''statement'', ''case'', ''assignment'', ''handover'', ''break_glass'', ''conflict_check'', ''barrier'', ''action'', ''deadline'', ''note'', ''task'', ''meeting'', ''preparation_item'', ''commitment'', ''feedback''))', '')
    WHERE type = 'table' AND name = 'access_log';
PRAGMA writable_schema = RESET;

-- An index segment holds the documents of one team and one kind, up to 2,048 of them.
DROP INDEX search_shelves_by_team;
DROP TRIGGER search_documents_shelved;
ALTER TABLE search_shelves RENAME TO search_segments;
ALTER TABLE search_documents RENAME COLUMN shelf TO segment;
ALTER TABLE search_words RENAME COLUMN shelf TO segment;
CREATE INDEX search_segments_by_team ON search_segments (organization_id, team_id, kind, newest DESC);
CREATE TRIGGER search_documents_indexed AFTER INSERT ON search_documents WHEN new.segment IS NOT NULL BEGIN
    INSERT INTO search_fts (rowid, words) VALUES (new.number, replace(rtrim(new.words), ' ', ' ' || new.segment || 'x'));
END;

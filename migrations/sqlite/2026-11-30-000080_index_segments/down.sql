DROP INDEX search_segments_by_team;
DROP TRIGGER search_documents_indexed;
ALTER TABLE search_segments RENAME TO search_shelves;
ALTER TABLE search_documents RENAME COLUMN segment TO shelf;
ALTER TABLE search_words RENAME COLUMN segment TO shelf;
CREATE INDEX search_shelves_by_team ON search_shelves (organization_id, team_id, kind, newest DESC);
CREATE TRIGGER search_documents_shelved AFTER INSERT ON search_documents WHEN new.shelf IS NOT NULL BEGIN
    INSERT INTO search_fts (rowid, words) VALUES (new.number, replace(rtrim(new.words), ' ', ' ' || new.shelf || 'x'));
END;

PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, ' kind             TEXT NOT NULL', ' kind             TEXT NOT NULL CHECK (kind IN (''client'', ''case'', ''barrier'', ''meeting'', ''note''))')
    WHERE type = 'table' AND name IN ('search_shelves', 'search_documents');
UPDATE sqlite_schema SET sql = replace(sql, ' kind             TEXT NOT NULL', ' kind             TEXT NOT NULL CHECK (kind IN (''client'', ''statement'', ''case'', ''assignment'', ''handover'', ''break_glass'', ''conflict_check'', ''barrier'', ''action'', ''deadline'', ''note'', ''task'', ''meeting'', ''preparation_item'', ''commitment'', ''feedback''))')
    WHERE type = 'table' AND name = 'access_log';
PRAGMA writable_schema = RESET;

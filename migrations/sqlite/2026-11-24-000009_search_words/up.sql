-- Which words each shelf has: most shelves lack most words, and need not be looked at.
CREATE TABLE search_words (
    organization_id  BLOB NOT NULL,
    term             TEXT NOT NULL,
    shelf            INTEGER NOT NULL,
    PRIMARY KEY (organization_id, term, shelf)
) STRICT, WITHOUT ROWID;
DROP TABLE search_words_fts;
-- The words of the index, each once.
CREATE VIRTUAL TABLE search_words_fts USING fts5vocab (search_fts, row);
INSERT INTO search_words
SELECT s.organization_id, substr(w.term, instr(w.term, 'x') + 1), s.id
  FROM search_words_fts w JOIN search_shelves s ON s.id = CAST(substr(w.term, 1, instr(w.term, 'x') - 1) AS INTEGER);

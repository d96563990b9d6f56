CREATE TABLE search_words_of_all (
    organization_id  BLOB NOT NULL,
    term             TEXT NOT NULL,
    shelf            INTEGER NOT NULL,
    PRIMARY KEY (organization_id, term, shelf)
) STRICT, WITHOUT ROWID;
INSERT INTO search_words_of_all SELECT organization_id, term, shelf FROM search_words;
DROP TABLE search_words;
ALTER TABLE search_words_of_all RENAME TO search_words;

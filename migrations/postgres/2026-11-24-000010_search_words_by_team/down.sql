-- Another server must not add words while they are copied.
LOCK TABLE search_words IN SHARE ROW EXCLUSIVE MODE;
CREATE TABLE search_words_of_all (
    organization_id  UUID NOT NULL,
    term             TEXT NOT NULL COLLATE "C",
    shelf            INT8 NOT NULL,
    PRIMARY KEY (organization_id, term, shelf)
);
INSERT INTO search_words_of_all SELECT organization_id, term, shelf FROM search_words;
DROP TABLE search_words;
ALTER TABLE search_words_of_all RENAME TO search_words;
ALTER INDEX search_words_of_all_pkey RENAME TO search_words_pkey;

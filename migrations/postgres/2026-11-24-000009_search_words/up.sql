-- Which words each shelf has: most shelves lack most words, and need not be looked at.
CREATE TABLE search_words (
    organization_id  UUID NOT NULL,
    term             TEXT NOT NULL COLLATE "C",
    shelf            INT8 NOT NULL,
    PRIMARY KEY (organization_id, term, shelf)
);
INSERT INTO search_words
SELECT DISTINCT organization_id, term, shelf FROM search_documents, unnest(string_to_array(btrim(words), ' ')) AS term
 WHERE shelf IS NOT NULL AND term <> '';

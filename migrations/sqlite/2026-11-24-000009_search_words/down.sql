DROP TABLE search_words;
DROP TABLE search_words_fts;
CREATE VIRTUAL TABLE search_words_fts USING fts5vocab (search_fts, instance);

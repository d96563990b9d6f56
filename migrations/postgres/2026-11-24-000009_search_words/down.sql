DROP TABLE search_words_fts;

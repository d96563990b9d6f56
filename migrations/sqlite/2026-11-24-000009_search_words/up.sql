-- PostgreSQL alone needs a table of the words of each shelf: `search_words_fts` is there already.
SELECT 1;

-- PostgreSQL alone needs a table of the words of each shelf: `search_words_fts` stays as it is.
SELECT 1;

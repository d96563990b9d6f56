-- SQLite already reads the index of the words alone: see the one of this name for PostgreSQL.
SELECT 1;

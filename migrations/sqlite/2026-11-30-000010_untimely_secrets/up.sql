-- SQLite has no row-level security: see the one of this name for PostgreSQL.
SELECT 1;

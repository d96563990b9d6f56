-- Row-level security is PostgreSQL's: SQLite has no roles, and no rows that are some organization's alone.
SELECT 1;

-- The second wall is PostgreSQL's: SQLite has no roles, and no rows that are some organization's alone.
SELECT 1;

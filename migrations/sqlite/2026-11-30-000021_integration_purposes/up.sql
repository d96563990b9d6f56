-- What an integration reads cases for; without it, it sees none. No CHECK: SQLite cannot widen one, and more purposes will come.
ALTER TABLE users ADD COLUMN purpose TEXT;

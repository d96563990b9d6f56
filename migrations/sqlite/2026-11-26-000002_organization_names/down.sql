-- SQLite cannot take a constraint away: the table is made anew. Whatever refers to its rows is looked at when the transaction ends.
PRAGMA defer_foreign_keys = ON;
CREATE TABLE organizations_before AS SELECT * FROM organizations;
DROP TABLE organizations;
CREATE TABLE organizations (
    id                     BLOB NOT NULL PRIMARY KEY,
    name                   TEXT NOT NULL UNIQUE,
    client_word            TEXT NOT NULL,
    time_zone              TEXT NOT NULL,
    suppression_threshold  INTEGER NOT NULL CHECK (suppression_threshold BETWEEN 0 AND 100),
    second_person_closes   INTEGER NOT NULL CHECK (second_person_closes IN (0, 1)),
    status                 TEXT NOT NULL CHECK (status IN ('active', 'suspended')),
    version                INTEGER NOT NULL,
    created_at             INTEGER NOT NULL,
    updated_at             INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO organizations SELECT * FROM organizations_before;
DROP TABLE organizations_before;

-- What GET /search looks through: of each client, case, barrier, meeting and note its text, and its words folded to one form.

-- The documents of one team and one kind, some four thousand of them together. Each word is indexed under its shelf, so that a
-- search reads the newest shelves of the caller's own teams first and never meets the words of others.
CREATE TABLE search_shelves (
    organization_id  BLOB NOT NULL REFERENCES organizations (id),
    id               INTEGER NOT NULL,
    team_id          BLOB NOT NULL,
    kind             TEXT NOT NULL CHECK (kind IN ('client', 'case', 'barrier', 'meeting', 'note')),
    documents        INTEGER NOT NULL,
    -- The number of the last document that was put on it.
    newest           INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, team_id) REFERENCES teams (organization_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX search_shelves_by_team ON search_shelves (organization_id, team_id, kind, newest DESC);

CREATE TABLE search_documents (
    organization_id  BLOB NOT NULL,
    -- The record's own.
    id               BLOB NOT NULL,
    -- Counts up: the row of the index, and how new the document is.
    number           INTEGER NOT NULL PRIMARY KEY,
    kind             TEXT NOT NULL CHECK (kind IN ('client', 'case', 'barrier', 'meeting', 'note')),
    team_id          BLOB NOT NULL,
    case_id          BLOB,
    -- For whose eyes a note is.
    note_kind        TEXT CHECK (note_kind IN ('contact', 'progress', 'restricted', 'supervision')),
    author_id        BLOB,
    -- Null while it is fresh: not indexed yet, and read as it stands.
    shelf            INTEGER,
    title            TEXT NOT NULL,
    body             TEXT NOT NULL,
    -- Each word once, a space before and after it. Null: still to be made of the record.
    words            TEXT,
    UNIQUE (organization_id, id),
    FOREIGN KEY (organization_id, team_id) REFERENCES teams (organization_id, id),
    FOREIGN KEY (organization_id, case_id) REFERENCES cases (organization_id, id)
) STRICT;
-- GET /search by an advocate: the documents of the own cases
CREATE INDEX search_documents_by_case ON search_documents (organization_id, case_id);
-- GET /search: the documents that stand on no shelf yet, few at any time
CREATE INDEX search_documents_fresh ON search_documents (organization_id, number) WHERE shelf IS NULL;

-- GET /search by a supervisor: the words of what stands on a shelf, each behind the shelf's number. A word that is taken out is
-- taken out of the file.
CREATE VIRTUAL TABLE search_fts USING fts5 (words, content = '', detail = 'none', columnsize = 0, tokenize = 'ascii');
INSERT INTO search_fts (search_fts, rank) VALUES ('secure-delete', 1);
CREATE TRIGGER search_documents_shelved AFTER INSERT ON search_documents WHEN new.shelf IS NOT NULL BEGIN
    INSERT INTO search_fts (rowid, words) VALUES (new.number, replace(rtrim(new.words), ' ', ' ' || new.shelf || 'x'));
END;
CREATE TRIGGER search_documents_changed AFTER UPDATE OF shelf, words ON search_documents WHEN old.shelf IS NOT NULL OR new.shelf IS NOT NULL BEGIN
    INSERT INTO search_fts (search_fts, rowid, words)
        SELECT 'delete', old.number, replace(rtrim(old.words), ' ', ' ' || old.shelf || 'x') WHERE old.shelf IS NOT NULL;
    INSERT INTO search_fts (rowid, words)
        SELECT new.number, replace(rtrim(new.words), ' ', ' ' || new.shelf || 'x') WHERE new.shelf IS NOT NULL;
END;
CREATE TRIGGER search_documents_gone AFTER DELETE ON search_documents WHEN old.shelf IS NOT NULL BEGIN
    INSERT INTO search_fts (search_fts, rowid, words)
        VALUES ('delete', old.number, replace(rtrim(old.words), ' ', ' ' || old.shelf || 'x'));
END;

-- A supervisor's clients, and whether a team has any.
CREATE INDEX clients_by_team ON clients (organization_id, team_id, created_at DESC, id DESC);

-- What is here already, oldest first; its words are made by the program, which folds them alike on every engine.
INSERT INTO search_documents (organization_id, id, kind, team_id, case_id, note_kind, author_id, title, body)
SELECT organization_id, id, kind, team_id, case_id, note_kind, author_id, '', '' FROM (
    SELECT organization_id, id, 'client' AS kind, team_id, NULL AS case_id, NULL AS note_kind, NULL AS author_id FROM clients
    UNION ALL SELECT organization_id, id, 'case', team_id, id, NULL, NULL FROM cases
    UNION ALL SELECT b.organization_id, b.id, 'barrier', c.team_id, c.id, NULL, NULL FROM barriers b JOIN cases c ON c.organization_id = b.organization_id AND c.id = b.case_id
    UNION ALL SELECT m.organization_id, m.id, 'meeting', c.team_id, c.id, NULL, NULL FROM meetings m JOIN cases c ON c.organization_id = m.organization_id AND c.id = m.case_id
    UNION ALL SELECT n.organization_id, n.id, 'note', c.team_id, c.id, n.kind, n.author_id FROM notes n JOIN cases c ON c.organization_id = n.organization_id AND c.id = n.case_id
) AS records ORDER BY id;

-- GET /clients/{id}/access-log: which entries of the trace touch which client, by which record. It is looked up after the entries are
-- there, those of before this too, up to the mark. A block is of some thousand
-- entries that follow one another: what is entered together stands together, and a client is looked up in each block, the newest first.
CREATE TABLE access_log (
    organization_id  BLOB NOT NULL,
    block            INTEGER NOT NULL,
    client_id        BLOB NOT NULL,
    sequence         INTEGER NOT NULL,
    subject_id       BLOB NOT NULL,
    kind             TEXT NOT NULL CHECK (kind IN ('client', 'statement', 'case', 'assignment', 'handover', 'break_glass', 'conflict_check', 'barrier', 'action', 'deadline', 'note', 'task', 'meeting', 'preparation_item', 'commitment', 'feedback')),
    case_id          BLOB,
    PRIMARY KEY (organization_id, block, client_id, sequence, subject_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE access_log_marks (
    organization_id  BLOB NOT NULL,
    sequence         INTEGER NOT NULL,
    PRIMARY KEY (organization_id),
    FOREIGN KEY (organization_id) REFERENCES organizations (id)
) STRICT, WITHOUT ROWID;

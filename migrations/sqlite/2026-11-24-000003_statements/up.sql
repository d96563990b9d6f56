-- Needs and preferences statements: the client's own, in versions.

CREATE TABLE statements (
    organization_id  BLOB NOT NULL REFERENCES organizations (id),
    id               BLOB NOT NULL,
    client_id        BLOB NOT NULL,
    -- Counts the versions of this client's statement, from 1.
    number           INTEGER NOT NULL,
    status           TEXT NOT NULL CHECK (status IN ('draft', 'approved', 'superseded')),
    sections         TEXT NOT NULL CHECK (json_valid(sections)),
    created_by       BLOB NOT NULL,
    approved_by      TEXT CHECK (approved_by IN ('client')),
    approval_method  TEXT CHECK (approval_method IN ('in_person', 'phone', 'video', 'in_writing')),
    approved_on      TEXT,
    recorded_by      BLOB,
    recorded_at      INTEGER,
    superseded_at    INTEGER,
    version          INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, client_id, number),
    FOREIGN KEY (organization_id, client_id) REFERENCES clients (organization_id, id),
    FOREIGN KEY (organization_id, created_by) REFERENCES users (organization_id, id),
    FOREIGN KEY (organization_id, recorded_by) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
-- GET /clients/{id}/statements
CREATE INDEX statements_by_client ON statements (organization_id, client_id, number DESC, id DESC);
-- Of a client's versions at most one is being written, and at most one is in force.
CREATE UNIQUE INDEX statements_draft ON statements (organization_id, client_id) WHERE status = 'draft';
CREATE UNIQUE INDEX statements_in_force ON statements (organization_id, client_id) WHERE status = 'approved';

-- The clients' own way in: which client somebody who signs in is, and what they tell us.

CREATE TABLE client_accounts (
    organization_id  BLOB NOT NULL,
    client_id        BLOB NOT NULL,
    user_id          BLOB NOT NULL,
    created_at       INTEGER NOT NULL,
    PRIMARY KEY (organization_id, client_id),
    UNIQUE (organization_id, user_id),
    FOREIGN KEY (organization_id, client_id) REFERENCES clients (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE feedback (
    organization_id  BLOB NOT NULL,
    id               BLOB NOT NULL,
    client_id        BLOB NOT NULL,
    -- What it is about, where it is about anything: of a meeting, its case too.
    case_id          BLOB,
    meeting_id       BLOB,
    rating           INTEGER CHECK (rating BETWEEN 1 AND 5),
    text             TEXT NOT NULL,
    created_by       BLOB NOT NULL,
    created_at       INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, client_id) REFERENCES clients (organization_id, id),
    FOREIGN KEY (organization_id, case_id) REFERENCES cases (organization_id, id),
    FOREIGN KEY (organization_id, meeting_id) REFERENCES meetings (organization_id, id),
    FOREIGN KEY (organization_id, created_by) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
-- GET /clients/{id}/feedback, GET /me/feedback
CREATE INDEX feedback_by_client ON feedback (organization_id, client_id, created_at DESC, id DESC);

-- AZ-13: a supervisor of another team reads one case for some hours, with a reason and in everybody's sight. One that is ended early has
-- ended_at; whoever reviews it is somebody else.
CREATE TABLE break_glass (
    organization_id  BLOB NOT NULL,
    id               BLOB NOT NULL,
    case_id          BLOB NOT NULL,
    user_id          BLOB NOT NULL,
    reason           TEXT NOT NULL,
    opened_at        INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    ended_at         INTEGER,
    reviewed_by      BLOB,
    reviewed_at      INTEGER,
    finding          TEXT,
    version          INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    CHECK (reviewed_by <> user_id),
    CHECK ((reviewed_by IS NULL) = (reviewed_at IS NULL)),
    FOREIGN KEY (organization_id, case_id) REFERENCES cases (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id),
    FOREIGN KEY (organization_id, reviewed_by) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
-- GET /break-glass
CREATE INDEX break_glass_by_opened ON break_glass (organization_id, opened_at DESC, id DESC);
-- What somebody sees by it, at a second look.
CREATE INDEX break_glass_by_user ON break_glass (organization_id, user_id, expires_at, case_id);

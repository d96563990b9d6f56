-- FX-02: what was taken out of the house, by whom, and why. The trace has that it was; the reason is somebody's words, and so stands here.
CREATE TABLE exports (
    organization_id  BLOB NOT NULL,
    id               BLOB NOT NULL,
    user_id          BLOB NOT NULL,
    at               INTEGER NOT NULL,
    what             TEXT NOT NULL,
    subject_id       BLOB,
    filter           TEXT NOT NULL,
    format           TEXT NOT NULL,
    rows             INTEGER NOT NULL,
    reason           TEXT NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id) REFERENCES organizations (id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
-- GET /exports
CREATE INDEX exports_by_time ON exports (organization_id, at DESC, id DESC);
-- What was taken out stays told.
CREATE TRIGGER exports_no_update BEFORE UPDATE ON exports BEGIN SELECT raise(ABORT, 'exports is append-only'); END;
CREATE TRIGGER exports_no_delete BEFORE DELETE ON exports BEGIN SELECT raise(ABORT, 'exports is append-only'); END;

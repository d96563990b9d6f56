SET LOCAL lock_timeout TO '10s'; -- rather this, again, than every request behind it
-- AZ-13: a supervisor of another team reads one case for some hours, with a reason and in everybody's sight. One that is ended early has
-- ended_at; whoever reviews it is somebody else.
CREATE TABLE break_glass (
    organization_id  UUID NOT NULL,
    id               UUID NOT NULL,
    case_id          UUID NOT NULL,
    user_id          UUID NOT NULL,
    reason           TEXT NOT NULL,
    opened_at        TIMESTAMPTZ NOT NULL,
    expires_at       TIMESTAMPTZ NOT NULL,
    ended_at         TIMESTAMPTZ,
    reviewed_by      UUID,
    reviewed_at      TIMESTAMPTZ,
    finding          TEXT,
    version          INT4 NOT NULL,
    PRIMARY KEY (organization_id, id),
    CHECK (reviewed_by <> user_id),
    CHECK ((reviewed_by IS NULL) = (reviewed_at IS NULL)),
    FOREIGN KEY (organization_id, case_id) REFERENCES cases (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id),
    FOREIGN KEY (organization_id, reviewed_by) REFERENCES users (organization_id, id)
);
-- GET /break-glass
CREATE INDEX break_glass_by_opened ON break_glass (organization_id, opened_at DESC, id DESC);
-- What somebody sees by it, at a second look.
CREATE INDEX break_glass_by_user ON break_glass (organization_id, user_id, expires_at, case_id);

-- AZ-09: behind the wall, like every table of organizations.
GRANT SELECT, INSERT, UPDATE, DELETE ON break_glass TO alongside_app;
ALTER TABLE break_glass ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_organization ON break_glass TO alongside_app USING (organization_id = NULLIF(current_setting('app.organization', TRUE), '')::uuid);

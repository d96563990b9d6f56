SET LOCAL lock_timeout TO '10s'; -- rather this, again, than every request behind it
-- FX-02: what was taken out of the house, by whom, and why. The trace has that it was; the reason is somebody's words, and so stands here.
CREATE TABLE exports (
    organization_id  UUID NOT NULL,
    id               UUID NOT NULL,
    user_id          UUID NOT NULL,
    at               TIMESTAMPTZ NOT NULL,
    what             TEXT NOT NULL,
    subject_id       UUID,
    filter           TEXT NOT NULL,
    format           TEXT NOT NULL,
    rows             INT8 NOT NULL,
    reason           TEXT NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id) REFERENCES organizations (id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
);
-- GET /exports
CREATE INDEX exports_by_time ON exports (organization_id, at DESC, id DESC);

-- AZ-09: behind the wall. What was taken out stays told.
GRANT SELECT, INSERT ON exports TO alongside_app;
ALTER TABLE exports ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_organization ON exports TO alongside_app USING (organization_id = NULLIF(current_setting('app.organization', TRUE), '')::uuid);

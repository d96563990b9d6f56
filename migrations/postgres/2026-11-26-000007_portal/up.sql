SET LOCAL lock_timeout TO '10s'; -- rather this, again, than every request behind it
-- The clients' own way in: which client somebody who signs in is, and what they tell us.

CREATE TABLE client_accounts (
    organization_id  UUID NOT NULL,
    client_id        UUID NOT NULL,
    user_id          UUID NOT NULL,
    created_at       TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, client_id),
    UNIQUE (organization_id, user_id),
    FOREIGN KEY (organization_id, client_id) REFERENCES clients (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
);

CREATE TABLE feedback (
    organization_id  UUID NOT NULL,
    id               UUID NOT NULL,
    client_id        UUID NOT NULL,
    -- What it is about, where it is about anything: of a meeting, its case too.
    case_id          UUID,
    meeting_id       UUID,
    rating           INT4 CHECK (rating BETWEEN 1 AND 5),
    text             TEXT NOT NULL,
    created_by       UUID NOT NULL,
    created_at       TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, client_id) REFERENCES clients (organization_id, id),
    FOREIGN KEY (organization_id, case_id) REFERENCES cases (organization_id, id),
    FOREIGN KEY (organization_id, meeting_id) REFERENCES meetings (organization_id, id),
    FOREIGN KEY (organization_id, created_by) REFERENCES users (organization_id, id)
);
-- GET /clients/{id}/feedback, GET /me/feedback
CREATE INDEX feedback_by_client ON feedback (organization_id, client_id, created_at DESC, id DESC);

DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['client_accounts', 'feedback'] LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO alongside_app', name);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own_organization ON %I TO alongside_app USING (organization_id = NULLIF(current_setting(''app.organization'', TRUE), '''')::uuid)', name);
    END LOOP;
END $$;

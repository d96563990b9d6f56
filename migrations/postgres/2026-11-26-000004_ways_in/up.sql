SET LOCAL lock_timeout TO '10s'; -- rather this, again, than every request behind it
-- The ways in (AU-10 to AU-13): invitations, forgotten passwords, new addresses, and a second factor.

-- The roles that must have a second factor.
ALTER TABLE organizations ADD COLUMN second_factor_roles JSONB NOT NULL DEFAULT '[]';

-- When the person last said their password; a session from before this column has to ask for it.
ALTER TABLE sessions ADD COLUMN proved_at TIMESTAMPTZ NOT NULL DEFAULT 'epoch';
-- Whether nothing may be done in it until a second factor has been set up.
ALTER TABLE sessions ADD COLUMN awaits_factor BOOL NOT NULL DEFAULT FALSE;

CREATE TABLE invitations (
    organization_id  UUID NOT NULL REFERENCES organizations (id),
    id               UUID NOT NULL,
    email            TEXT NOT NULL,
    display_name     TEXT NOT NULL,
    role             TEXT NOT NULL CHECK (role IN ('admin', 'supervisor', 'advocate', 'client', 'integration', 'auditor')),
    team_ids         JSONB NOT NULL,
    status           TEXT NOT NULL CHECK (status IN ('open', 'accepted', 'withdrawn')),
    expires_at       TIMESTAMPTZ NOT NULL,
    invited_by       UUID NOT NULL,
    user_id          UUID,
    version          INT4 NOT NULL,
    created_at       TIMESTAMPTZ NOT NULL,
    updated_at       TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, invited_by) REFERENCES users (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
);
-- GET /invitations
CREATE INDEX invitations_by_created ON invitations (organization_id, created_at DESC, id DESC);
-- One open invitation for an address.
CREATE UNIQUE INDEX invitations_open ON invitations (organization_id, email) WHERE status = 'open';

-- Secrets that are sent by mail and used once, as their hashes.
CREATE TABLE mailed_secrets (
    organization_id  UUID NOT NULL REFERENCES organizations (id),
    hash             BYTEA NOT NULL,
    purpose          TEXT NOT NULL CHECK (purpose IN ('invitation', 'password_reset', 'email_change')),
    -- The invitation, or the user.
    subject_id       UUID NOT NULL,
    -- Where it was sent.
    email            TEXT NOT NULL,
    expires_at       TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, hash)
);
-- A newer one, a new password or a new address makes those from before worthless.
CREATE INDEX mailed_secrets_by_subject ON mailed_secrets (organization_id, subject_id);

CREATE TABLE second_factors (
    organization_id  UUID NOT NULL,
    user_id          UUID NOT NULL,
    secret           BYTEA NOT NULL,
    -- Until then it has been shown, and is asked for nowhere.
    confirmed_at     TIMESTAMPTZ,
    -- The time step of the last code that was taken: none is taken twice.
    last_step        INT8 NOT NULL,
    PRIMARY KEY (organization_id, user_id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
);

CREATE TABLE recovery_codes (
    organization_id  UUID NOT NULL,
    user_id          UUID NOT NULL,
    hash             BYTEA NOT NULL,
    spent_at         TIMESTAMPTZ,
    PRIMARY KEY (organization_id, user_id, hash),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
);

DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['invitations', 'mailed_secrets', 'second_factors', 'recovery_codes'] LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO alongside_app', name);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own_organization ON %I TO alongside_app USING (organization_id = %s)',
            name, $own$NULLIF(current_setting('app.organization', TRUE), '')::uuid$own$);
    END LOOP;
END $$;
-- Housekeeping takes away what has expired, whose ever it was.
CREATE POLICY all_organizations ON mailed_secrets FOR SELECT TO alongside_keeper USING (expires_at < now());
CREATE POLICY old_secrets ON mailed_secrets FOR DELETE TO alongside_keeper USING (expires_at < now());

-- Duplicates merged, interests that people declare, and the checks for conflicts of interest.

-- A provider that was found to be another one over again. `into_id` is always one that was not merged itself.
CREATE TABLE provider_merges (
    organization_id  BLOB NOT NULL,
    provider_id      BLOB NOT NULL,
    into_id          BLOB NOT NULL,
    reason           TEXT,
    merged_by        BLOB NOT NULL,
    merged_at        INTEGER NOT NULL,
    PRIMARY KEY (organization_id, provider_id),
    FOREIGN KEY (organization_id, provider_id) REFERENCES providers (organization_id, id),
    FOREIGN KEY (organization_id, into_id) REFERENCES providers (organization_id, id),
    FOREIGN KEY (organization_id, merged_by) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
-- The merged ids of a provider that is shown
CREATE INDEX provider_merges_by_survivor ON provider_merges (organization_id, into_id);

-- The same for a service.
CREATE TABLE service_merges (
    organization_id  BLOB NOT NULL,
    service_id       BLOB NOT NULL,
    into_id          BLOB NOT NULL,
    reason           TEXT,
    merged_by        BLOB NOT NULL,
    merged_at        INTEGER NOT NULL,
    PRIMARY KEY (organization_id, service_id),
    FOREIGN KEY (organization_id, service_id) REFERENCES services (organization_id, id),
    FOREIGN KEY (organization_id, into_id) REFERENCES services (organization_id, id),
    FOREIGN KEY (organization_id, merged_by) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
-- The merged ids of a service that is shown
CREATE INDEX service_merges_by_survivor ON service_merges (organization_id, into_id);
-- The barriers that follow a merged service
CREATE INDEX barriers_by_service ON barriers (organization_id, service_id);

-- What somebody has to do with a provider besides the work. Theirs alone to read.
CREATE TABLE interests (
    organization_id  BLOB NOT NULL,
    id               BLOB NOT NULL,
    user_id          BLOB NOT NULL,
    provider_id      BLOB NOT NULL,
    kind             TEXT NOT NULL CHECK (kind IN ('employed_by', 'former_employee', 'family', 'own_treatment_there', 'financial', 'other')),
    text             TEXT,
    from_on          TEXT,
    to_on            TEXT,
    version          INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id),
    FOREIGN KEY (organization_id, provider_id) REFERENCES providers (organization_id, id)
) STRICT, WITHOUT ROWID;
-- GET /me/interests
CREATE INDEX interests_by_user ON interests (organization_id, user_id, created_at DESC, id DESC);
-- The interests that follow a merged provider
CREATE INDEX interests_by_provider ON interests (organization_id, provider_id);
-- A conflict check runs with every barrier and meeting that names a provider: each of its parts is answered by an index alone.
CREATE INDEX interests_for_checks ON interests (organization_id, user_id, provider_id, kind, from_on, to_on);
CREATE INDEX assignments_for_checks ON assignments (organization_id, case_id, ended_at, user_id);
CREATE INDEX barriers_for_checks ON barriers (organization_id, case_id, provider_id, service_id);
CREATE INDEX meetings_for_checks ON meetings (organization_id, case_id, provider_id);

-- Whether those who work a case have an interest in one of its providers.
CREATE TABLE conflict_checks (
    organization_id  BLOB NOT NULL,
    id               BLOB NOT NULL,
    case_id          BLOB NOT NULL,
    occasion         TEXT NOT NULL CHECK (occasion IN ('asked_for', 'provider_added', 'assignment')),
    conflicts        TEXT NOT NULL CHECK (json_valid(conflicts)),
    run_by           BLOB NOT NULL,
    run_at           INTEGER NOT NULL,
    decision         TEXT CHECK (decision IN ('proceed_with_consent', 'reassign')),
    decision_reason  TEXT,
    decided_by       BLOB,
    decided_at       INTEGER,
    version          INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, case_id) REFERENCES cases (organization_id, id),
    FOREIGN KEY (organization_id, run_by) REFERENCES users (organization_id, id),
    FOREIGN KEY (organization_id, decided_by) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
-- GET /cases/{id}/conflict-checks, and the latest of a case
CREATE INDEX conflict_checks_by_case ON conflict_checks (organization_id, case_id, run_at DESC, id DESC);

-- Whether the latest check found nothing, or was decided; null before the first. A guard of the lifecycle looks at it.
ALTER TABLE cases ADD COLUMN conflicts_settled INTEGER CHECK (conflicts_settled IN (0, 1));

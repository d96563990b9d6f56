-- Clients, cases, and what is done for them.

CREATE TABLE clients (
    organization_id     BLOB NOT NULL REFERENCES organizations (id),
    id                  BLOB NOT NULL,
    team_id             BLOB NOT NULL,
    preferred_name      TEXT NOT NULL,
    legal_name          TEXT,
    pronouns            TEXT,
    date_of_birth       TEXT,
    phone               TEXT,
    email               TEXT,
    address             TEXT,
    language            TEXT,
    interpreter_needed  INTEGER NOT NULL CHECK (interpreter_needed IN (0, 1)),
    safe_contact        TEXT NOT NULL CHECK (json_valid(safe_contact)),
    created_by          BLOB NOT NULL,
    version             INTEGER NOT NULL,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, team_id) REFERENCES teams (organization_id, id),
    FOREIGN KEY (organization_id, created_by) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
-- GET /clients
CREATE INDEX clients_by_created ON clients (organization_id, created_at DESC, id DESC);
-- A client with no case yet is visible to who made the record.
CREATE INDEX clients_by_creator ON clients (organization_id, created_by);

-- The last number given out, by year; a number may be left out, never given twice.
CREATE TABLE case_counters (
    organization_id  BLOB NOT NULL REFERENCES organizations (id),
    year             INTEGER NOT NULL,
    last             INTEGER NOT NULL,
    PRIMARY KEY (organization_id, year)
) STRICT, WITHOUT ROWID;

CREATE TABLE cases (
    organization_id        BLOB NOT NULL REFERENCES organizations (id),
    id                     BLOB NOT NULL,
    case_number            TEXT NOT NULL,
    client_id              BLOB NOT NULL,
    team_id                BLOB NOT NULL,
    lead_advocate_id       BLOB,
    advocacy_type          TEXT NOT NULL,
    instruction            TEXT NOT NULL CHECK (instruction IN ('instructed', 'non_instructed')),
    non_instructed_basis   TEXT,
    non_instructed_reason  TEXT,
    intake_source          TEXT NOT NULL,
    intake_source_text     TEXT,
    status                 TEXT NOT NULL CHECK (status IN ('referred', 'triage', 'waitlisted', 'declined', 'accepted', 'active', 'on_hold', 'closing', 'closed', 'entered_in_error')),
    priority               TEXT NOT NULL CHECK (priority IN ('routine', 'high', 'urgent')),
    priority_reason        TEXT,
    client_goal            TEXT NOT NULL,
    tags                   TEXT NOT NULL CHECK (json_valid(tags)),
    opened_at              INTEGER NOT NULL,
    closed_at              INTEGER,
    closing_reason         TEXT,
    closing_summary        TEXT,
    outcome                TEXT,
    review_on              TEXT,
    first_contact_at       INTEGER,
    last_contact_at        INTEGER,
    undisposed_barriers    INTEGER NOT NULL,
    open_deadlines         INTEGER NOT NULL,
    next_deadline_on       TEXT,
    episode                INTEGER NOT NULL,
    version                INTEGER NOT NULL,
    created_at             INTEGER NOT NULL,
    updated_at             INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, case_number),
    FOREIGN KEY (organization_id, client_id) REFERENCES clients (organization_id, id),
    FOREIGN KEY (organization_id, team_id) REFERENCES teams (organization_id, id),
    FOREIGN KEY (organization_id, lead_advocate_id) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
-- GET /cases
CREATE INDEX cases_by_opened ON cases (organization_id, opened_at DESC, id DESC);
-- GET /cases?status=
CREATE INDEX cases_by_status ON cases (organization_id, status, opened_at DESC, id DESC);
-- GET /cases?team=, and a supervisor's cases
CREATE INDEX cases_by_team ON cases (organization_id, team_id, opened_at DESC, id DESC);
-- GET /cases?client=
CREATE INDEX cases_by_client ON cases (organization_id, client_id);
-- GET /cases?advocate=
CREATE INDEX cases_by_lead ON cases (organization_id, lead_advocate_id, opened_at DESC, id DESC);

-- One row for each time that a case was opened; the closure of an earlier one stays.
CREATE TABLE case_episodes (
    organization_id  BLOB NOT NULL,
    case_id          BLOB NOT NULL,
    episode          INTEGER NOT NULL,
    opened_at        INTEGER NOT NULL,
    closed_at        INTEGER,
    closing_reason   TEXT,
    closing_summary  TEXT,
    outcome          TEXT,
    PRIMARY KEY (organization_id, case_id, episode),
    FOREIGN KEY (organization_id, case_id) REFERENCES cases (organization_id, id)
) STRICT, WITHOUT ROWID;

-- The history of a case's status: append-only.
CREATE TABLE case_transitions (
    organization_id  BLOB NOT NULL,
    id               BLOB NOT NULL,
    case_id          BLOB NOT NULL,
    from_status      TEXT,
    to_status        TEXT NOT NULL,
    reason           TEXT,
    given            TEXT NOT NULL CHECK (json_valid(given)),
    actor_id         BLOB NOT NULL,
    at               INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, case_id) REFERENCES cases (organization_id, id),
    FOREIGN KEY (organization_id, actor_id) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
-- GET /cases/{id}/transitions
CREATE INDEX case_transitions_by_case ON case_transitions (organization_id, case_id, at DESC, id DESC);

CREATE TABLE assignments (
    organization_id  BLOB NOT NULL,
    id               BLOB NOT NULL,
    case_id          BLOB NOT NULL,
    user_id          BLOB NOT NULL,
    role             TEXT NOT NULL CHECK (role IN ('lead', 'co', 'mentor', 'cover')),
    assigned_by      BLOB NOT NULL,
    started_at       INTEGER NOT NULL,
    ended_at         INTEGER,
    version          INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, case_id) REFERENCES cases (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id),
    FOREIGN KEY (organization_id, assigned_by) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
-- GET /cases/{id}/assignments
CREATE INDEX assignments_by_case ON assignments (organization_id, case_id, started_at DESC, id DESC);
-- An advocate's cases: part of every question about who sees what.
CREATE INDEX assignments_by_user ON assignments (organization_id, user_id, ended_at, case_id);

CREATE TABLE barriers (
    organization_id    BLOB NOT NULL,
    id                 BLOB NOT NULL,
    case_id            BLOB NOT NULL,
    type               TEXT NOT NULL,
    type_text          TEXT,
    bases              TEXT NOT NULL CHECK (json_valid(bases)),
    basis_text         TEXT,
    service_type       TEXT CHECK (json_valid(service_type)),
    provider_id        BLOB,
    service_id         BLOB,
    occurred_on        TEXT,
    ongoing            INTEGER NOT NULL CHECK (ongoing IN (0, 1)),
    description        TEXT NOT NULL,
    severity           TEXT NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'crisis')),
    verification       TEXT NOT NULL CHECK (verification IN ('not_assessed', 'reported_by_client', 'supported_by_document', 'witnessed', 'confirmed_by_provider', 'not_verified')),
    status             TEXT NOT NULL CHECK (status IN ('open', 'in_progress', 'awaiting_provider', 'awaiting_decision', 'resolved', 'closed_unresolved')),
    disposition        TEXT CHECK (disposition IN ('resolved_full', 'resolved_partial', 'workaround_found', 'withdrawn_by_client', 'not_resolved', 'referred_on', 'unknown_lost_contact')),
    judged_by          TEXT CHECK (judged_by IN ('client', 'advocate', 'supervisor')),
    opened_at          INTEGER NOT NULL,
    resolved_at        INTEGER,
    created_by         BLOB NOT NULL,
    version            INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, case_id) REFERENCES cases (organization_id, id),
    FOREIGN KEY (organization_id, provider_id) REFERENCES providers (organization_id, id),
    FOREIGN KEY (organization_id, service_id) REFERENCES services (organization_id, id),
    FOREIGN KEY (organization_id, created_by) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
-- GET /barriers
CREATE INDEX barriers_by_opened ON barriers (organization_id, opened_at DESC, id DESC);
-- GET /cases/{id}/barriers, and the count of those without a disposition
CREATE INDEX barriers_by_case ON barriers (organization_id, case_id, opened_at DESC, id DESC);
-- GET /barriers?provider=
CREATE INDEX barriers_by_provider ON barriers (organization_id, provider_id, opened_at DESC, id DESC);

CREATE TABLE meetings (
    organization_id             BLOB NOT NULL,
    id                          BLOB NOT NULL,
    case_id                     BLOB NOT NULL,
    type                        TEXT NOT NULL,
    type_text                   TEXT,
    mode                        TEXT NOT NULL CHECK (mode IN ('in_person', 'phone', 'video', 'home_visit', 'in_facility', 'hybrid', 'written')),
    starts_at                   INTEGER NOT NULL,
    ends_at                     INTEGER NOT NULL,
    time_zone                   TEXT NOT NULL,
    provider_id                 BLOB,
    place                       TEXT,
    participants                TEXT NOT NULL CHECK (json_valid(participants)),
    purpose                     TEXT NOT NULL,
    status                      TEXT NOT NULL CHECK (status IN ('proposed', 'booked', 'held', 'cancelled', 'no_show', 'rescheduled')),
    cancelled_by                TEXT CHECK (cancelled_by IN ('provider', 'client', 'us')),
    rescheduled_to              BLOB,
    who_spoke                   TEXT CHECK (who_spoke IN ('spoke_for_self', 'spoke_with_support', 'advocate_spoke_as_instructed', 'non_instructed_representation', 'absent_by_choice', 'excluded')),
    outcomes                    TEXT NOT NULL CHECK (json_valid(outcomes)),
    summary                     TEXT,
    views_recorded_by_provider  TEXT CHECK (views_recorded_by_provider IN ('yes', 'no', 'unknown')),
    ratings_before              TEXT CHECK (json_valid(ratings_before)),
    ratings_after               TEXT CHECK (json_valid(ratings_after)),
    mandatory_items             INTEGER NOT NULL,
    mandatory_done              INTEGER NOT NULL,
    created_by                  BLOB NOT NULL,
    version                     INTEGER NOT NULL,
    created_at                  INTEGER NOT NULL,
    updated_at                  INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, case_id) REFERENCES cases (organization_id, id),
    FOREIGN KEY (organization_id, provider_id) REFERENCES providers (organization_id, id),
    FOREIGN KEY (organization_id, rescheduled_to) REFERENCES meetings (organization_id, id),
    FOREIGN KEY (organization_id, created_by) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
-- GET /meetings
CREATE INDEX meetings_by_start ON meetings (organization_id, starts_at DESC, id DESC);
-- GET /cases/{id}/meetings
CREATE INDEX meetings_by_case ON meetings (organization_id, case_id, starts_at DESC, id DESC);
-- GET /meetings?provider=
CREATE INDEX meetings_by_provider ON meetings (organization_id, provider_id, starts_at DESC, id DESC);

CREATE TABLE preparation_items (
    organization_id  BLOB NOT NULL,
    id               BLOB NOT NULL,
    meeting_id       BLOB NOT NULL,
    position         INTEGER NOT NULL,
    category         TEXT NOT NULL,
    text             TEXT NOT NULL,
    answer           TEXT,
    mandatory        INTEGER NOT NULL CHECK (mandatory IN (0, 1)),
    owner            TEXT NOT NULL CHECK (owner IN ('client', 'advocate')),
    done_at          INTEGER,
    done_by          BLOB,
    version          INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, meeting_id) REFERENCES meetings (organization_id, id),
    FOREIGN KEY (organization_id, done_by) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
-- GET /meetings/{id}/preparation
CREATE INDEX preparation_items_by_meeting ON preparation_items (organization_id, meeting_id, position);

CREATE TABLE commitments (
    organization_id  BLOB NOT NULL,
    id               BLOB NOT NULL,
    meeting_id       BLOB NOT NULL,
    party            TEXT NOT NULL CHECK (party IN ('provider', 'client', 'advocate')),
    text             TEXT NOT NULL,
    due_on           TEXT,
    status           TEXT NOT NULL CHECK (status IN ('open', 'kept', 'late', 'broken', 'waived')),
    version          INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, meeting_id) REFERENCES meetings (organization_id, id)
) STRICT, WITHOUT ROWID;
-- GET /meetings/{id}/commitments
CREATE INDEX commitments_by_meeting ON commitments (organization_id, meeting_id, created_at DESC, id DESC);

CREATE TABLE notes (
    organization_id  BLOB NOT NULL,
    id               BLOB NOT NULL,
    case_id          BLOB NOT NULL,
    kind             TEXT NOT NULL CHECK (kind IN ('contact', 'progress', 'restricted', 'supervision')),
    body             TEXT NOT NULL,
    occurred_at      INTEGER NOT NULL,
    direction        TEXT CHECK (direction IN ('in', 'out')),
    mode             TEXT CHECK (mode IN ('in_person', 'phone', 'video', 'text_message', 'email', 'letter', 'home_visit', 'other')),
    successful       INTEGER CHECK (successful IN (0, 1)),
    minutes          INTEGER CHECK (minutes BETWEEN 0 AND 1440),
    author_id        BLOB NOT NULL,
    version          INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, case_id) REFERENCES cases (organization_id, id),
    FOREIGN KEY (organization_id, author_id) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
-- GET /cases/{id}/notes
CREATE INDEX notes_by_case ON notes (organization_id, case_id, occurred_at DESC, id DESC);

-- What was added to a note after it was locked: append-only.
CREATE TABLE note_amendments (
    organization_id  BLOB NOT NULL,
    id               BLOB NOT NULL,
    note_id          BLOB NOT NULL,
    body             TEXT NOT NULL,
    author_id        BLOB NOT NULL,
    created_at       INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, note_id) REFERENCES notes (organization_id, id),
    FOREIGN KEY (organization_id, author_id) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX note_amendments_by_note ON note_amendments (organization_id, note_id, id);

CREATE TABLE tasks (
    organization_id  BLOB NOT NULL,
    id               BLOB NOT NULL,
    case_id          BLOB NOT NULL,
    meeting_id       BLOB,
    title            TEXT NOT NULL,
    description      TEXT,
    due_on           TEXT NOT NULL,
    assignee_id      BLOB,
    status           TEXT NOT NULL CHECK (status IN ('open', 'done', 'cancelled')),
    done_at          INTEGER,
    created_by       BLOB NOT NULL,
    version          INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, case_id) REFERENCES cases (organization_id, id),
    FOREIGN KEY (organization_id, meeting_id) REFERENCES meetings (organization_id, id),
    FOREIGN KEY (organization_id, assignee_id) REFERENCES users (organization_id, id),
    FOREIGN KEY (organization_id, created_by) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
-- GET /tasks
CREATE INDEX tasks_by_due ON tasks (organization_id, status, due_on, id);
-- GET /cases/{id}/tasks
CREATE INDEX tasks_by_case ON tasks (organization_id, case_id, due_on, id);
-- GET /tasks?assignee=
CREATE INDEX tasks_by_assignee ON tasks (organization_id, assignee_id, status, due_on, id);

-- Everything that happened in a case, for GET /cases/{id}/timeline. What it names is read where it is kept.
CREATE TABLE timeline_entries (
    organization_id  BLOB NOT NULL,
    id               BLOB NOT NULL,
    case_id          BLOB NOT NULL,
    at               INTEGER NOT NULL,
    event            TEXT NOT NULL,
    subject_id       BLOB NOT NULL,
    actor_id         BLOB NOT NULL,
    detail           TEXT,
    -- The kind of the note, where it is one: some are for few eyes.
    note_kind        TEXT CHECK (note_kind IN ('contact', 'progress', 'restricted', 'supervision')),
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, case_id) REFERENCES cases (organization_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX timeline_entries_by_case ON timeline_entries (organization_id, case_id, at DESC, id DESC);

-- The ladder: formal and informal actions against a barrier or a case, and the days by which they must be taken or answered.

-- Noticed when the barrier is entered: it follows soon after an action against the same provider.
ALTER TABLE barriers ADD COLUMN possible_retaliation BOOL NOT NULL DEFAULT FALSE;
-- GET /barriers?possible_retaliation=
CREATE INDEX barriers_by_retaliation ON barriers (organization_id, possible_retaliation, opened_at DESC, id DESC);

CREATE TABLE actions (
    organization_id     UUID NOT NULL,
    id                  UUID NOT NULL,
    case_id             UUID NOT NULL,
    barrier_id          UUID,
    provider_id         UUID,
    type                TEXT NOT NULL,
    forum               TEXT NOT NULL,
    scheme              TEXT,
    level               INT4,
    parent_action_id    UUID,
    escalation_reason   TEXT,
    description         TEXT,
    status              TEXT NOT NULL CHECK (status IN ('draft', 'filed', 'in_progress', 'decided', 'withdrawn', 'entered_in_error')),
    filed_on            DATE,
    method              TEXT CHECK (method IN ('in_person', 'phone', 'post', 'email', 'fax', 'portal', 'other')),
    external_reference  TEXT,
    decision            TEXT CHECK (decision IN ('granted', 'partly_granted', 'denied', 'dismissed_untimely', 'dismissed_no_jurisdiction', 'settled', 'withdrawn', 'no_response', 'pending')),
    decided_on          DATE,
    late_filing         BOOL NOT NULL,
    good_cause          TEXT,
    created_by          UUID NOT NULL,
    version             INT4 NOT NULL,
    created_at          TIMESTAMPTZ NOT NULL,
    updated_at          TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, case_id) REFERENCES cases (organization_id, id),
    FOREIGN KEY (organization_id, barrier_id) REFERENCES barriers (organization_id, id),
    FOREIGN KEY (organization_id, provider_id) REFERENCES providers (organization_id, id),
    FOREIGN KEY (organization_id, parent_action_id) REFERENCES actions (organization_id, id),
    FOREIGN KEY (organization_id, created_by) REFERENCES users (organization_id, id)
);
-- GET /actions
CREATE INDEX actions_by_created ON actions (organization_id, created_at DESC, id DESC);
-- GET /cases/{id}/actions
CREATE INDEX actions_by_case ON actions (organization_id, case_id, created_at DESC, id DESC);
-- GET /barriers/{id}/actions
CREATE INDEX actions_by_barrier ON actions (organization_id, barrier_id, created_at DESC, id DESC);
-- GET /actions?provider=, and whether a new barrier follows an action against its provider
CREATE INDEX actions_by_provider ON actions (organization_id, provider_id, created_at DESC, id DESC);

CREATE TABLE deadlines (
    organization_id      UUID NOT NULL,
    id                   UUID NOT NULL,
    case_id              UUID NOT NULL,
    action_id            UUID NOT NULL,
    -- Rules are read in memory, and their versions are never changed: nothing here refers to a table.
    rule_id              UUID,
    rule_version         INT4,
    trigger_date         DATE,
    trigger_not_before   DATE,
    stated_due_on        DATE,
    -- While the trigger is unknown, the earliest day that it can be.
    due_on               DATE NOT NULL,
    -- The end of that day where the forum is.
    due_at               TIMESTAMPTZ NOT NULL,
    time_zone            TEXT NOT NULL,
    source               TEXT NOT NULL CHECK (source IN ('stated_on_notice', 'computed', 'manual')),
    differs_from_notice  BOOL NOT NULL,
    -- The rule in its version and how the day came out of it, as they were shown.
    computation          JSONB,
    override_reason      TEXT,
    note                 TEXT,
    status               TEXT NOT NULL CHECK (status IN ('pending_trigger', 'running', 'satisfied', 'missed', 'excused', 'superseded')),
    satisfied_by         UUID,
    satisfied_on         DATE,
    late_filing          BOOL NOT NULL,
    good_cause           TEXT,
    excused_reason       TEXT,
    superseded_by        UUID,
    -- A newer version of the rule that would move the day, until somebody has decided.
    review               JSONB,
    created_by           UUID NOT NULL,
    version              INT4 NOT NULL,
    created_at           TIMESTAMPTZ NOT NULL,
    updated_at           TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, case_id) REFERENCES cases (organization_id, id),
    FOREIGN KEY (organization_id, action_id) REFERENCES actions (organization_id, id),
    FOREIGN KEY (organization_id, satisfied_by) REFERENCES actions (organization_id, id),
    FOREIGN KEY (organization_id, superseded_by) REFERENCES deadlines (organization_id, id),
    FOREIGN KEY (organization_id, created_by) REFERENCES users (organization_id, id)
);
-- GET /deadlines
CREATE INDEX deadlines_by_due ON deadlines (organization_id, due_on, id);
-- GET /deadlines?status=
CREATE INDEX deadlines_by_status ON deadlines (organization_id, status, due_on, id);
-- GET /deadlines?case=, and a case's count of those that are open
CREATE INDEX deadlines_by_case ON deadlines (organization_id, case_id, status, due_on, id);
-- GET /actions/{id}/deadlines
CREATE INDEX deadlines_by_action ON deadlines (organization_id, action_id, due_on, id);
-- The open deadlines that a new version of a rule may move
CREATE INDEX deadlines_by_rule ON deadlines (organization_id, rule_id, status);
-- GET /deadlines?needs_review=true
CREATE INDEX deadlines_to_review ON deadlines (organization_id, due_on, id) WHERE review IS NOT NULL;

-- Who stands in for an absent supervisor, and cases that pass from one advocate to the next.

-- The days are what was asked for; the instants, in the organization's zone, are what counts. One that is ended early has its
-- ends_at moved, and one that is taken back before its first day never holds.
CREATE TABLE team_deputies (
    organization_id  UUID NOT NULL,
    id               UUID NOT NULL,
    team_id          UUID NOT NULL,
    user_id          UUID NOT NULL,
    starts_on        DATE NOT NULL,
    ends_on          DATE NOT NULL,
    starts_at        TIMESTAMPTZ NOT NULL,
    ends_at          TIMESTAMPTZ NOT NULL,
    reason           TEXT,
    created_by       UUID NOT NULL,
    version          INT4 NOT NULL,
    created_at       TIMESTAMPTZ NOT NULL,
    updated_at       TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, team_id) REFERENCES teams (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id),
    FOREIGN KEY (organization_id, created_by) REFERENCES users (organization_id, id)
);
-- GET /teams/{id}/deputies
CREATE INDEX team_deputies_by_team ON team_deputies (organization_id, team_id, starts_at DESC, id DESC);
-- The teams that somebody is deputised to: part of every question about who sees what.
CREATE INDEX team_deputies_by_user ON team_deputies (organization_id, user_id, ends_at, starts_at, team_id);

CREATE TABLE handovers (
    organization_id  UUID NOT NULL,
    id               UUID NOT NULL,
    case_id          UUID NOT NULL,
    from_user_id     UUID NOT NULL,
    to_user_id       UUID NOT NULL,
    offered_by       UUID NOT NULL,
    note             TEXT NOT NULL,
    keep_until       DATE,
    status           TEXT NOT NULL CHECK (status IN ('offered', 'accepted', 'refused', 'withdrawn')),
    reason           TEXT,
    open_work        JSONB NOT NULL,
    offered_at       TIMESTAMPTZ NOT NULL,
    answered_at      TIMESTAMPTZ,
    version          INT4 NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, case_id) REFERENCES cases (organization_id, id),
    FOREIGN KEY (organization_id, from_user_id) REFERENCES users (organization_id, id),
    FOREIGN KEY (organization_id, to_user_id) REFERENCES users (organization_id, id),
    FOREIGN KEY (organization_id, offered_by) REFERENCES users (organization_id, id)
);
-- One open offer a case.
CREATE UNIQUE INDEX handovers_open ON handovers (organization_id, case_id) WHERE status = 'offered';
-- GET /handovers
CREATE INDEX handovers_by_offered ON handovers (organization_id, offered_at DESC, id DESC);
-- GET /cases/{id}/handovers
CREATE INDEX handovers_by_case ON handovers (organization_id, case_id, offered_at DESC, id DESC);
-- GET /handovers?mine=true, and what waits for somebody's answer
CREATE INDEX handovers_by_target ON handovers (organization_id, to_user_id, status, offered_at DESC, id DESC);

-- A report as of now reads only what it counts: no fact that ended or was replaced.
CREATE INDEX case_facts_open ON case_facts (organization_id, team_id, voided_at, lead_id, status, priority)
    WHERE status NOT IN ('closed', 'declined') AND replaced_at = 9223372036854775807;
CREATE INDEX barrier_facts_open ON barrier_facts (organization_id, team_id, voided_at, severity, provider_id, ended_at)
    WHERE ended_at IS NULL AND replaced_at = 9223372036854775807;
CREATE INDEX action_facts_pending ON action_facts (organization_id, team_id, voided_at)
    WHERE status IN ('filed', 'in_progress') AND replaced_at = 9223372036854775807;
CREATE INDEX deadline_facts_open ON deadline_facts (organization_id, team_id, voided_at)
    WHERE status IN ('running', 'pending_trigger') AND replaced_at = 9223372036854775807;

SET LOCAL lock_timeout TO '10s'; -- rather this, again, than every request behind it
-- A change looks for what a record was last: in order of its end, so that a case of very many changes costs no more than one of few.
DROP INDEX case_facts_by_case;
CREATE INDEX case_facts_by_case ON case_facts (organization_id, case_id, replaced_at);
DROP INDEX barrier_facts_by_case;
CREATE INDEX barrier_facts_by_case ON barrier_facts (organization_id, case_id, replaced_at);
DROP INDEX action_facts_by_case;
CREATE INDEX action_facts_by_case ON action_facts (organization_id, case_id, replaced_at);
DROP INDEX deadline_facts_by_case;
CREATE INDEX deadline_facts_by_case ON deadline_facts (organization_id, case_id, replaced_at);
DROP INDEX meeting_facts_by_case;
CREATE INDEX meeting_facts_by_case ON meeting_facts (organization_id, case_id, replaced_at);
DROP INDEX task_facts_by_case;
CREATE INDEX task_facts_by_case ON task_facts (organization_id, case_id, replaced_at);

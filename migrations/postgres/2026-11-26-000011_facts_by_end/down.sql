SET LOCAL lock_timeout TO '10s'; -- rather this, again, than every request behind it
DROP INDEX case_facts_by_case;
CREATE INDEX case_facts_by_case ON case_facts (organization_id, case_id);
DROP INDEX barrier_facts_by_case;
CREATE INDEX barrier_facts_by_case ON barrier_facts (organization_id, case_id);
DROP INDEX action_facts_by_case;
CREATE INDEX action_facts_by_case ON action_facts (organization_id, case_id);
DROP INDEX deadline_facts_by_case;
CREATE INDEX deadline_facts_by_case ON deadline_facts (organization_id, case_id);
DROP INDEX meeting_facts_by_case;
CREATE INDEX meeting_facts_by_case ON meeting_facts (organization_id, case_id);
DROP INDEX task_facts_by_case;
CREATE INDEX task_facts_by_case ON task_facts (organization_id, case_id);

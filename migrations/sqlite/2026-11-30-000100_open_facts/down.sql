DROP INDEX case_facts_open;
DROP INDEX barrier_facts_open;
DROP INDEX action_facts_pending;
DROP INDEX deadline_facts_open;

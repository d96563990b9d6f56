-- The agenda of a supervisor begins with the open tasks that are due and that nobody has.
CREATE INDEX tasks_nobodys_due ON tasks (organization_id, due_on, id) WHERE status = 'open' AND assignee_id IS NULL;

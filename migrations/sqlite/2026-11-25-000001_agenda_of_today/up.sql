-- The agenda of a supervisor begins with the open tasks that are due and that nobody has.
CREATE INDEX tasks_nobodys_due ON tasks (organization_id, due_on, id) WHERE status = 'open' AND assignee_id IS NULL;
-- Of the meetings from today on those that have been held or called off are not gone through.
CREATE INDEX meetings_to_come ON meetings (organization_id, starts_at, id) WHERE status IN ('proposed', 'booked');

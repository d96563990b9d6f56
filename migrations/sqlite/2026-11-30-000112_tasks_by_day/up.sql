-- The list of tasks of any status, in the order of their days.
CREATE INDEX tasks_by_day ON tasks (organization_id, due_on, id);

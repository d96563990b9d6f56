DROP INDEX users_left;
DROP INDEX cases_open_by_lead;
DROP INDEX notes_reached;

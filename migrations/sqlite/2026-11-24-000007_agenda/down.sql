DROP INDEX barriers_undisposed;
DROP INDEX cases_nobodys_due;
DROP INDEX cases_nobodys;
DROP INDEX cases_by_last_contact;
DROP INDEX commitments_open;
DROP INDEX deadlines_open;

DROP INDEX meetings_to_come;
DROP INDEX tasks_nobodys_due;

DROP INDEX tasks_nobodys_due;

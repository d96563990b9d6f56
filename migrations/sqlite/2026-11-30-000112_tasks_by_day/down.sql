DROP INDEX tasks_by_day;

SET LOCAL lock_timeout TO '10s';
DROP INDEX tasks_by_day;

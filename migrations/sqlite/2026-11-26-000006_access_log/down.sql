DROP TABLE access_log_marks;
DROP TABLE access_log;

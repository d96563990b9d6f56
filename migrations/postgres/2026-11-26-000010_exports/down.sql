SET LOCAL lock_timeout TO '10s'; -- rather this, again, than every request behind it
DROP TABLE exports;

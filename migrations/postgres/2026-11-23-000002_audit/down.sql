DROP TABLE audit_events;
DROP TABLE audit_heads;
DROP FUNCTION audit_is_append_only();

ALTER TABLE cases DROP COLUMN conflicts_settled;
DROP TABLE conflict_checks;
DROP INDEX meetings_for_checks;
DROP INDEX barriers_for_checks;
DROP INDEX assignments_for_checks;
DROP TABLE interests;
DROP INDEX barriers_by_service;
DROP TABLE service_merges;
DROP TABLE provider_merges;

DROP TABLE recovery_codes;
DROP TABLE second_factors;
DROP TABLE mailed_secrets;
DROP TABLE invitations;
ALTER TABLE sessions DROP COLUMN awaits_factor;
ALTER TABLE sessions DROP COLUMN proved_at;
ALTER TABLE organizations DROP COLUMN second_factor_roles;

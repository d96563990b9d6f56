-- AZ-10: whoever renames their organization finds out nothing of the names of others.
ALTER TABLE organizations DROP CONSTRAINT organizations_name_key;

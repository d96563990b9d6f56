ALTER POLICY old_secrets ON mailed_secrets USING (expires_at < now());
ALTER POLICY all_organizations ON mailed_secrets USING (expires_at < now());

-- A mailed secret lasts 72 hours at the most. One that ends later was made while a clock was wrong: it is taken away too, before its time comes.
ALTER POLICY all_organizations ON mailed_secrets USING (expires_at < now() OR expires_at > now() + interval '73 hours');
ALTER POLICY old_secrets ON mailed_secrets USING (expires_at < now() OR expires_at > now() + interval '73 hours');

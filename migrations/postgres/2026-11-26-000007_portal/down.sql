DROP TABLE feedback;
DROP TABLE client_accounts;

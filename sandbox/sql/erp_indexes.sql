-- Indexes are created after the load, which is several times quicker than indexes that grow with each row.
CREATE INDEX clients_agency ON hyper.clients (agency, client_number);
CREATE INDEX clients_full_name ON hyper.clients (lower(client_full_name) text_pattern_ops);
CREATE INDEX clients_email ON hyper.clients (lower(email));
CREATE UNIQUE INDEX clients_crm_user ON hyper.clients (crm_user_id);
CREATE INDEX tpm_account_status_client ON hyper.tpm_account_status (client_number, data_source, account_login);
CREATE INDEX journal_client ON hyper.journal (client_number, currency) INCLUDE (amount);
CREATE INDEX secured_amounts_client ON hyper.secured_amounts (client_number, currency) INCLUDE (amount);

-- Indexes are created after the load, which is several times quicker than indexes that grow with each row.
CREATE INDEX clients_agency ON hyper.clients (agency, client_number);
CREATE INDEX clients_lower_name ON hyper.clients (lower(client_full_name));
CREATE INDEX clients_full_name ON hyper.clients (client_full_name, client_number);
CREATE INDEX clients_search ON hyper.clients USING gin (search);
CREATE INDEX clients_phone ON hyper.clients (phone text_pattern_ops);
CREATE INDEX clients_created ON hyper.clients (created_on);
CREATE INDEX clients_email ON hyper.clients (lower(email));
CREATE UNIQUE INDEX clients_crm_user ON hyper.clients (crm_user_id);
CREATE INDEX tpm_account_status_client ON hyper.tpm_account_status (client_number, data_source, account_login);
CREATE INDEX tpm_account_status_login ON hyper.tpm_account_status (account_login);
CREATE INDEX tpm_account_status_balance ON hyper.tpm_account_status (currency, balance, data_source, account_login);
CREATE INDEX tpm_account_status_equity ON hyper.tpm_account_status (currency, equity, data_source, account_login);
CREATE INDEX tpm_account_status_synced ON hyper.tpm_account_status (synced_at, data_source, account_login);
CREATE INDEX journal_client ON hyper.journal (client_number, currency) INCLUDE (amount);
CREATE INDEX secured_amounts_client ON hyper.secured_amounts (client_number, currency) INCLUDE (amount);

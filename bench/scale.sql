-- What bench/scale.py adds to the sandbox: a copy of all generated clients with their accounts, under numbers and logins
-- that are higher by $offset. Each statement runs in the role of a replica, because correct rows need no checks, and the
-- synchroniser must not read them again.

INSERT INTO hyper.clients (client_number, agency, last_name, first_name, client_full_name, email, handling_status,
    locked_name_and_id, crm_user_id, created_on, phone)
SELECT client_number + $offset, agency, last_name, first_name, client_full_name,
       'client' || client_number + $offset || '@example.com', handling_status, locked_name_and_id,
       'C' || client_number + $offset, created_on, '9725' || lpad((client_number + $offset)::text, 8, '0')
FROM hyper.clients WHERE client_number BETWEEN $first AND $last;

INSERT INTO hyper.clients_website_ext_record
SELECT client_number + $offset, web_account_status, api_password
FROM hyper.clients_website_ext_record WHERE client_number BETWEEN $first AND $last;

INSERT INTO hyper.tpm_account_status
SELECT data_source, (account_login::bigint + 10 * $offset)::text, client_number + $offset, platform, status, group_name,
       currency, balance, equity, margin, synced_at
FROM hyper.tpm_account_status WHERE client_number BETWEEN $first AND $last;

INSERT INTO platform.account (server, login, client_number, crm_user_id, name, email, group_name, currency, leverage,
    balance, credit, floating, margin, enabled, read_only, registered_local)
SELECT server, login + 10 * $offset, client_number + $offset, 'C' || client_number + $offset, name, email, group_name,
       currency, leverage, balance, credit, floating, margin, enabled, read_only, registered_local
FROM platform.account WHERE client_number BETWEEN $first AND $last;

INSERT INTO hyper.journal (client_number, currency, amount, reference_document_type, description, bk_entry_date)
SELECT client_number + $offset, currency, amount, reference_document_type, description, bk_entry_date
FROM hyper.journal WHERE client_number BETWEEN $first AND $last;

INSERT INTO hyper.secured_amounts
SELECT client_number + $offset, currency, amount, reason
FROM hyper.secured_amounts WHERE client_number BETWEEN $first AND $last;

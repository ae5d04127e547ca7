-- The passes of Hyper's interface to the trading platforms, every 30 to 60 seconds [D, H-718]. A change of an account
-- writes a note, so that a pass reads the changed accounts only.

CREATE TABLE platform.changed_account (
    server text NOT NULL,
    login  bigint NOT NULL
);

CREATE FUNCTION platform.note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO platform.changed_account VALUES (new.server, new.login);
    RETURN NULL;
END $$;

CREATE TRIGGER note_change AFTER INSERT OR UPDATE ON platform.account
FOR EACH ROW EXECUTE FUNCTION platform.note_change();

-- The platforms' figures in the ERP's terms. An account that the ERP did not open belongs to the client with the same
-- e-mail address. Without such a client it stays unknown to the ERP.
CREATE VIEW hyper.platform_figures AS
SELECT a.server AS data_source, a.login::text AS account_login, coalesce(a.client_number, m.client_number) AS client_number,
       s.platform, CASE WHEN NOT a.enabled THEN 1 WHEN a.read_only THEN 2 ELSE 3 END AS status, a.group_name, a.currency,
       hyper.money(a.balance) AS balance, hyper.money(a.balance + a.credit + a.floating) AS equity,
       hyper.money(a.margin) AS margin, a.server, a.login
FROM platform.account a
JOIN platform.server s ON s.name = a.server
LEFT JOIN LATERAL (
    SELECT min(c.client_number) AS client_number
    FROM hyper.clients c
    WHERE a.client_number IS NULL AND a.email <> '' AND lower(c.email) = lower(a.email)
    HAVING count(*) = 1
) m ON true;

-- One pass: copies all changed accounts with the time of the pass. Returns the number of copied accounts.
CREATE FUNCTION hyper.synchronise() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    copied integer;
BEGIN
    -- Two concurrent passes could replace a newer figure by an older one.
    PERFORM pg_advisory_xact_lock(hashtextextended('hyper.synchronise', 0));
    WITH announced AS (DELETE FROM platform.changed_account RETURNING server, login)
    INSERT INTO hyper.tpm_account_status AS t
        (data_source, account_login, client_number, platform, status, group_name, currency, balance, equity, margin,
         synced_at)
    SELECT f.data_source, f.account_login, f.client_number, f.platform, f.status, f.group_name, f.currency, f.balance,
           f.equity, f.margin, statement_timestamp()
    FROM (SELECT DISTINCT server, login FROM announced) n
    JOIN hyper.platform_figures f ON f.server = n.server AND f.login = n.login
    WHERE f.client_number IS NOT NULL
    ON CONFLICT (data_source, account_login) DO UPDATE SET
        client_number = excluded.client_number, platform = excluded.platform, status = excluded.status,
        group_name = excluded.group_name, currency = excluded.currency, balance = excluded.balance,
        equity = excluded.equity, margin = excluded.margin, synced_at = excluded.synced_at;
    GET DIAGNOSTICS copied = ROW_COUNT;
    RETURN copied;
END $$;

-- Hyper pauses at weekends [D, H-1102], and the sandbox on request. The pause begins after a running pass.
CREATE TABLE hyper.synchroniser (
    paused boolean NOT NULL
);
INSERT INTO hyper.synchroniser VALUES (false);

CREATE FUNCTION hyper.pause_synchroniser(pause boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('hyper.synchronise', 0));
    UPDATE hyper.synchroniser SET paused = pause;
END $$;

CREATE FUNCTION hyper.synchronise_unless_paused() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('hyper.synchronise', 0));
    IF NOT (SELECT paused FROM hyper.synchroniser) THEN
        PERFORM hyper.synchronise();
    END IF;
END $$;

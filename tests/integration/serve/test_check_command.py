"""`brokergraph check` is green where all is well and names each thing that is not."""

import re
import tomllib
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from support.served import HOUSE, Operator, execute, in_database, wrong_lines

DOCUMENT = (HOUSE / "docs/erp-views.md").read_text()


def documented(name: str) -> str:
    """The SQL of the document's block with this first line."""
    return re.search(rf"```sql\n-- {name}\n(.*?)```", DOCUMENT, re.DOTALL)[1]


@pytest.fixture
def another_erp(operator, box, new_database) -> Operator:
    """An ERP that is not Hyper, with the document's views over it."""
    url = new_database()
    execute(url, documented("tables") + documented("search") + documented("views"))
    return operator.having(BROKERGRAPH_ERP__DATABASE_URL=url, BROKERGRAPH_ERP__ACCOUNTING_CURRENCY="EUR")


def test_a_brokerage_in_order_is_found_so(acme):
    done = acme.operator.run("check")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("nothing wrong\n")
    settings = tomllib.loads(acme.operator.settings.read_text())
    for name in settings["servers"]:
        assert f"ok    servers.{name}: answers, accepts our credentials and knows the server\n" in done.stdout
    assert "ok    hyper: answers, accepts our credentials\n" in done.stdout
    assert "ok    broctagon: answers, accepts our credentials\n" in done.stdout


def test_it_asks_little_of_the_vendors(acme, well_behaved):
    acme.operator.run_here("check")

    asked = {vendor: well_behaved.calls(vendor)["total"] for vendor in ("hyper", "broctagon", "broker_work", "cplugin")}
    assert asked == {"hyper": 1, "broctagon": 2, "broker_work": 2, "cplugin": 3}


def test_the_accounts_of_an_unknown_server_are_worth_a_note(acme):
    done = acme.operator.run_here("check")

    assert "note  brokergraph_erp.trading_account: has accounts on the server X9" in done.stdout


def test_check_names_the_servers_with_a_proven_history(acme, operator, new_database):
    url = new_database()
    scratch = operator.having(BROKERGRAPH_STATE__DATABASE_URL=url)
    scratch.run_here("migrate")
    unproven = scratch.run_here("check").stdout
    execute(
        url,
        """ALTER TABLE brokergraph.proven_history DROP CONSTRAINT proven_history_instruction_id_fkey;
           INSERT INTO brokergraph.proven_history (server, instruction_id) VALUES ('R1', gen_random_uuid())""",
    )

    proven = scratch.run_here("check").stdout

    assert "note  servers.R1: its history has not shown one of our deposits yet" in unproven
    assert "ok    servers.R1: its history has shown one of our deposits" in proven
    assert "note  servers.A1: its history has not shown one of our deposits yet" in proven


def test_the_views_of_the_document_are_what_is_asked_for(another_erp):
    another_erp.run_here("migrate")

    done = another_erp.run_here("check")

    assert wrong_lines(done.stdout) == []
    assert "note  brokergraph_erp.client: there is no client in it" in done.stdout


def test_each_index_that_the_erp_lacks_is_named(another_erp):
    """The document's indexes are enough, and each of them is missed."""
    another_erp.run_here("migrate")
    lacking = another_erp.run_here("check").stdout
    execute(another_erp.variables["BROKERGRAPH_ERP__DATABASE_URL"], documented("indexes"))
    enough = another_erp.run_here("check").stdout

    named = re.findall(
        r"^note  brokergraph_erp\.\w+: (.*) reads all rows, because there is no index on", lacking, re.MULTILINE
    )
    assert named == [
        "orderBy CLIENT_NUMBER",
        "orderBy FULL_NAME",
        "filter.agency",
        "filter.phone",
        "filter.createdFrom",
        "orderBy SERVER_AND_LOGIN",
        "a client's accounts",
        "filter.search",
        "orderBy BALANCE",
        "orderBy SYNCED_AT",
    ]
    assert "reads all rows" not in enough
    assert "ok    brokergraph_erp: every order and filter has its index\n" in enough


def test_a_missing_optional_column_is_a_note_and_an_index_is_not_asked_of_it(another_erp):
    execute(another_erp.variables["BROKERGRAPH_ERP__DATABASE_URL"], "DROP VIEW brokergraph_erp.client;" + re.sub(
        r",\s*phone::text AS phone, since AS created_at, search", "", re.search(
            r"CREATE VIEW brokergraph_erp.client AS.*?;", documented("views"), re.DOTALL)[0]))  # fmt: skip
    another_erp.run_here("migrate")

    done = another_erp.run_here("check")

    assert wrong_lines(done.stdout) == []
    for column in ("phone", "created_at", "search"):
        assert f"note  brokergraph_erp.client.{column}: the optional column is missing" in done.stdout
    assert "filter.phone" not in done.stdout


FLOATING = """
    DROP VIEW brokergraph_erp.trading_account;
    CREATE VIEW brokergraph_erp.trading_account AS
    SELECT source::text AS server, number::text AS login, person_id::integer AS client_number, kind::text AS platform,
           3 AS status, tp_group::text AS group_name, ccy::text AS currency, bal AS balance, NULL::numeric AS equity,
           NULL::numeric AS margin, now() AS synced_at
    FROM acme.tp_account
"""


@pytest.mark.parametrize(
    "statement,line",
    [
        ("DROP VIEW brokergraph_erp.web_status", "brokergraph_erp.web_status: the view is missing"),
        (
            "ALTER VIEW brokergraph_erp.client RENAME COLUMN crm_user_id TO crm",
            "brokergraph_erp.client.crm_user_id: the column is missing; it should be text",
        ),
        (
            FLOATING,
            "brokergraph_erp.trading_account.balance: is double precision, should be numeric",
        ),
        (
            "CREATE OR REPLACE VIEW brokergraph_erp.accounting_currency AS SELECT 'EUR'::text AS currency WHERE false",
            "erp.accounting_currency: the view accounting_currency has no row, should have one",
        ),
        (
            "CREATE OR REPLACE VIEW brokergraph_erp.accounting_currency AS SELECT 'USD'::text AS currency",
            "erp.accounting_currency: is EUR, but the ERP values balances in USD",
        ),
        (
            "REVOKE SELECT ON brokergraph_erp.accounting_currency FROM brokergraph",
            "brokergraph_erp.accounting_currency.currency: may not be read by our role",
        ),
    ],
)
def test_each_thing_that_is_wrong_with_the_views_is_named(another_erp, statement, line):
    execute(another_erp.variables["BROKERGRAPH_ERP__DATABASE_URL"], statement)
    another_erp.run_here("migrate")

    done = another_erp.run_here("check")

    assert done.exit_code == 1
    assert wrong_lines(done.stdout) == [line]


def test_missing_migrations_are_named(operator):
    done = operator.run_here("check")

    assert done.exit_code == 1
    assert "schema brokergraph: migration 0001_instructions is missing" in wrong_lines(done.stdout)
    assert "      -> Run `brokergraph migrate`.\n" in done.stdout


GUID = "11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    "variables,beginnings",
    [
        (
            {"CPLUGIN__MAIN__CLIENT_SECRET": "s3cr3t-of-nobody"},
            ["servers.R1: CPlugin refuses", "servers.R2: CPlugin refuses"],
        ),
        ({"SERVERS__R1__ID": GUID}, ["servers.R1: CPlugin refused. [403]"]),
        ({"SERVERS__R2__ID": "7"}, ["servers.R2.id: CPlugin's trade platform ids are GUIDs"]),
        (
            {"BROKER_WORK__MAIN__TOKEN": "s3cr3t-of-nobody"},
            ["servers.L1: Broker Work refuses", "servers.L2: Broker Work"],
        ),
        ({"SERVERS__L1__ID": "77"}, ["servers.L1: Broker Work does not know this server. [BW_INVALID_SERVERID]"]),
        ({"SERVERS__A1__ID": "mt4livex"}, ["servers.A1: The CRM does not know this connection."]),
        (
            {"SERVERS__A1__TIMEZONE": "Europe/Atlantis"},
            ["servers.A1.timezone: there is no time zone 'Europe/Atlantis'"],
        ),
        ({"SERVERS__R3__CONNECTION": "mian"}, ["servers.R3.connection: there is no [cplugin.mian]"]),
        ({"BROCTAGON__KEY": "s3cr3t-of-nobody"}, ["broctagon: The CRM refuses", "servers.A1: The CRM refuses"]),
        (
            {"HYPER__ACCESS_TOKEN": "s3cr3t-of-nobody", "HYPER__REFRESH": "none"},
            ["hyper: The ERP's API refuses our credentials"],
        ),
        ({"HYPER__URL": "http://127.0.0.1:1"}, ["hyper: The ERP's API cannot be reached."]),
        ({"BROCTAGON__URL": "crm.example.com"}, ["broctagon.url: is not an http:// or https:// address"] * 2),
    ],
)
def test_each_thing_that_is_wrong_with_the_vendors_is_named(acme, variables, beginnings):
    broken = acme.operator.having(**{f"BROKERGRAPH_{name}": text for name, text in variables.items()})

    done = broken.run_here("check")

    assert done.exit_code == 1
    found = wrong_lines(done.stdout)
    assert [line for line, start in zip(found, beginnings, strict=True) if not line.startswith(start)] == []
    assert "s3cr3t" not in done.stdout + done.stderr


def test_a_database_that_is_away_is_named_and_its_password_is_not(acme, box):
    away = "postgresql://brokergraph:s3cr3t@127.0.0.1:1/brokergraph"
    broken = acme.operator.having(BROKERGRAPH_ERP__DATABASE_URL=away, BROKERGRAPH_STATE__DATABASE_URL=away)

    done = broken.run_here("check")

    assert done.exit_code == 1
    assert [line.partition(":")[0] for line in wrong_lines(done.stdout)][:2] == [
        "erp.database_url",
        "state.database_url",
    ]
    assert "s3cr3t" not in done.stdout + done.stderr


def test_a_database_that_does_not_exist_is_named(acme, box):
    broken = acme.operator.having(BROKERGRAPH_ERP__DATABASE_URL=in_database(box.graph_database_url, "nowhere"))

    done = broken.run_here("check")

    assert len(wrong_lines(done.stdout)) == 1
    assert "there is no database nowhere" in done.stdout


def test_check_offline_opens_no_connection(acme, well_behaved):
    broken = acme.operator.having(
        BROKERGRAPH_SERVERS__R2__ID="7",
        BROKERGRAPH_CPLUGIN__MAIN__CLIENT_SECRET="wrong",
        BROKERGRAPH_ERP__DATABASE_URL="postgresql://127.0.0.1:1/nowhere",
    )

    done = broken.run_here("check", "--offline")

    assert done.exit_code == 1
    assert wrong_lines(done.stdout) == ["servers.R2.id: CPlugin's trade platform ids are GUIDs"]
    assert well_behaved.calls("cplugin")["total"] == 0
    assert "hyper: answers" not in done.stdout


def problems_of_state(acme, url: str) -> list[str]:
    """What is said about this address of the state, besides what is in order."""
    lines = acme.operator.having(BROKERGRAPH_STATE__DATABASE_URL=url).run_here("check").output.splitlines()
    return [line for line in lines if "state.database_url" in line and not line.startswith("ok")]


def with_two_hosts(url: str) -> str:
    """The same server twice."""
    [host], [port] = (parse_qs(urlsplit(url).query)[name] for name in ("host", "port"))
    return url.replace(quote(host, safe=""), f"{host},{host}").replace(f"port={port}", f"port={port},{port}")


def test_a_ledger_that_a_crash_or_a_fail_over_may_shorten_is_named(acme):
    assert problems_of_state(acme, acme.state) == []

    [alone] = problems_of_state(acme, with_two_hosts(acme.state))
    assert alone.startswith("note  state.database_url: has several hosts and no synchronous standby")

    [asynchronous] = problems_of_state(acme, f"{acme.state}&synchronous_commit=off")
    assert asynchronous.startswith("WRONG state.database_url: synchronous_commit is off")

"""Mistakes that an operator can make: each gets one clear line, and no command prints a traceback (O1 to O3)."""

import json
from subprocess import CompletedProcess
from urllib.parse import urlsplit, urlunsplit

import pytest
from support.served import Operator, execute, free_port, serving


def changed(url: str, **parts: str) -> str:
    """The address with another user, password, host (with its port) or database."""
    split = urlsplit(url)
    user, password = parts.get("user", split.username), parts.get("password", split.password)
    path, query = f"/{parts.get('database', split.path[1:])}", "" if "host" in parts else split.query
    hosts = parts.get("host", split.netloc.rpartition("@")[2])
    return urlunsplit((split.scheme, f"{user}:{password}@{hosts}", path, query, ""))


@pytest.fixture(scope="session")
def mistakes(box, new_database) -> dict[str, tuple[str, str]]:
    """The address with the mistake, and the words that the message has, by the name of the mistake."""
    good, closed = new_database(), f"127.0.0.1:{free_port()}"
    database = urlsplit(good).path[1:]
    execute(box.database_url, "CREATE ROLE guest LOGIN PASSWORD 'guest'")
    rights = f"REVOKE ALL ON DATABASE {database} FROM PUBLIC; GRANT CONNECT ON DATABASE {database} TO guest"
    execute(box.database_url, rights)
    return {
        "a closed port": (changed(good, host=closed), f"nothing listens on {closed}"),
        "an unknown host": (
            changed(good, host="no-such-host.invalid"),
            "the host name no-such-host.invalid is unknown",
        ),
        "a wrong password": (changed(good, password="wrong-Secr3t"), "the password of the role brokergraph is wrong"),
        "an unknown role": (changed(good, user="no_such_role"), "no_such_role"),
        "an unknown database": (changed(good, database="no_such_db"), "there is no database no_such_db"),
        "a role without rights": (changed(good, user="guest", password="guest"), "permission denied"),
    }


KINDS = [
    *("a closed port", "an unknown host", "a wrong password", "an unknown role", "an unknown database"),
    "a role without rights",
]


def run(operator: Operator, kind: str, command: str) -> CompletedProcess:
    """The first mistake is made in a process of its own, the others in this process."""
    if kind == KINDS[0]:
        return operator.run(command)
    done = operator.run_here(command)
    assert isinstance(done.exception, SystemExit), repr(done.exception)
    return CompletedProcess(command, done.exit_code, done.stdout, done.stderr)


@pytest.mark.parametrize("kind", KINDS)
def test_o2_migrate_names_the_mistake_in_one_line(operator, mistakes, kind):
    url, words = mistakes[kind]

    done = run(operator.having(BROKERGRAPH_STATE__DATABASE_URL=url), kind, "migrate")

    assert done.returncode == 1
    assert done.stderr.startswith("Error: state.database_url: ")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert "Traceback" not in done.stderr
    assert "wrong-Secr3t" not in done.stderr


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("setting", ["ERP", "STATE"])
def test_o3_check_reports_all_findings_whatever_a_database_says(operator, mistakes, kind, setting):
    url, words = mistakes[kind]

    done = run(operator.having(**{f"BROKERGRAPH_{setting}__DATABASE_URL": url}), kind, "check")

    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert words in done.stdout or kind == "a role without rights"
    assert "WRONG" in done.stdout
    assert "servers.L1: answers, accepts our credentials" in done.stdout
    assert done.stdout.rstrip().splitlines()[-1].endswith("wrong")


COMMANDS = ["keys list", "keys revoke key-1a2b3c4d", "documents list", "instructions list", "instructions verify"]


@pytest.mark.parametrize("kind", ["a closed port", "a wrong password", "an unknown database"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_names_what_is_wrong_with_the_database(operator, mistakes, kind, command):
    url, words = mistakes[kind]

    done = operator.having(BROKERGRAPH_STATE__DATABASE_URL=url).run_here(*command.split())

    assert done.exit_code == 1
    assert done.output.startswith("Error: state.database_url: ")
    assert words in done.output
    assert isinstance(done.exception, SystemExit)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_that_the_schema_is_missing(operator, command):
    done = operator.run_here(*command.split())

    assert done.exit_code == 1
    assert "run `brokergraph migrate`" in done.output
    assert isinstance(done.exception, SystemExit)


def test_o1_a_server_over_a_database_without_our_schema_is_not_ready_and_says_what_to_do(operator):
    with serving(operator.having(BROKERGRAPH_SERVER__READINESS_DETAILS="everyone")) as served:
        status, body = served.get("/readyz")
        mutations, _ = served.get("/readyz?for=mutations")
        alive, _ = served.get("/livez")
        operator.run_here("migrate")
        after, _ = served.get("/readyz")
        served.stop()
        written = served.process.stdout.read() + served.process.stderr.read()

    assert (status, mutations, alive, after) == (503, 503, 200, 200)
    found = json.loads(body)
    assert (found["ready"], found["state_database"]) == (False, "not migrated: run `brokergraph migrate`")
    assert written.count("state.not_migrated") == 1


GUID = "11111111-2222-3333-4444-555555555555"
MT5 = {
    "SERVERS__M9__PLATFORM": "MT5",
    "SERVERS__M9__ADAPTER": "cplugin",
    "SERVERS__M9__CONNECTION": "main",
    "SERVERS__M9__ID": GUID,
}
USELESS = {
    "deposits where there are none": (
        MT5 | {"SERVERS__M9__DEPOSITS": "true"},
        "WRONG servers.M9.deposits: has no effect: CPlugin documents no deposits on MT5",
    ),
    "two servers with one id": (
        MT5 | {name.replace("M9", "N9"): value for name, value in MT5.items()},
        "WRONG servers.N9.id: is the id of servers.M9 as well",
    ),
    "an empty secret": ({"CPLUGIN__MAIN__CLIENT_SECRET": ""}, "cplugin.main.client_secret: is empty"),
    "no TLS to another host": (
        {"BROCTAGON__URL": "http://crm.example.com"},
        "WRONG broctagon.url: begins with http://, so that credentials would cross the network unencrypted",
    ),
    "a key without GraphiQL": (
        {"SERVER__GRAPHIQL_KEY": "demo-operator"},
        "note  server.graphiql_key: has no effect, because GraphiQL is off",
    ),
    "a key without a dashboard": (
        {"SERVER__DASHBOARD_KEY": "demo-operator"},
        "note  server.dashboard_key: has no effect, because the dashboard is off",
    ),
    "an issuer's client without a dashboard": (
        {
            "AUTH__OIDC__staff__ISSUER": "https://login.example.com",
            "AUTH__OIDC__staff__AUDIENCE": '["brokergraph"]',
            "AUTH__OIDC__staff__DASHBOARD_CLIENT_ID": "page",
        },
        "note  auth.oidc.staff.dashboard_client_id: has no effect, because the dashboard is off",
    ),
}


@pytest.mark.parametrize("settings, words", USELESS.values(), ids=USELESS)
def test_o8_check_names_settings_that_can_do_no_good(operator, settings, words):
    variables = {f"BROKERGRAPH_{name}": value for name, value in settings.items()}

    done = operator.having(**variables).run_here("check", "--offline")

    assert words in done.stdout


def test_o8_check_asks_the_store_of_budgets(operator):
    closed = {"BROKERGRAPH_BUDGET__STORE": "redis", "BROKERGRAPH_BUDGET__REDIS_URL": f"redis://127.0.0.1:{free_port()}"}

    done = operator.having(**closed).run_here("check")

    assert "WRONG budget.redis_url: the store does not answer" in done.stdout
    assert "servers.L1: answers, accepts our credentials" in done.stdout


def test_o15_a_server_without_a_searchable_history_is_said_to_have_none(operator):
    scratch = operator.having(BROKERGRAPH_BROCTAGON__HISTORY="false")
    scratch.run_here("migrate")

    done = scratch.run_here("check")

    assert "note  servers.A1: has no history that could be searched, so every deposit in doubt needs" in done.stdout
    assert "servers.A1: its history has not shown" not in done.stdout

"""Forty mistakes of operators: each ends with a status above 0, names the place and the remedy, and shows no traceback.

A mistake is a command line, what is different from a working installation, and words that the message must have.
"""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click import Context
from support.served import Operator, free_port

from api.cli import main

SECRET = "Secr3t-Canary"
UUID = "018f0000-0000-7000-8000-000000000000"
RESOLVE = ["instructions", "resolve", UUID, "--as", "CONFIRMED", "--reason", "x"]


@dataclass(frozen=True)
class Mistake:
    """`variables` are settings as environment variables; `text` is appended to the settings file."""

    command: str | list[str]
    words: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)
    text: str = ""
    settings: str | None = None

    @property
    def arguments(self) -> list[str]:
        return self.command.split() if isinstance(self.command, str) else self.command


MISTAKES = {
    # Settings files
    "no settings file": Mistake("check --config /nowhere/brokergraph.toml", ("/nowhere/brokergraph.toml",)),
    "a folder as settings file": Mistake("check --config /tmp", ("/tmp", "directory")),
    "no TOML": Mistake("check --offline", ("line", "TOML"), text="\n[server\n"),
    "a section twice": Mistake("check --offline", ("line", "server"), text="\n[server]\nport = 1\n[server]\n"),
    "an unknown section": Mistake("check --offline", ("nowhere",), text="\n[nowhere]\nx = 1\n"),
    "an unknown setting": Mistake("migrate", ("server.prot", "did you mean port?"), {"SERVER__PROT": "8000"}),
    "a missing setting": Mistake("check --offline", ("platform", "missing"), {"SERVERS__Z1__ADAPTER": "cplugin"}),
    "a word for a number": Mistake("serve", ("server.port", "int"), {"SERVER__PORT": "eighty"}),
    "a port out of range": Mistake("serve", ("server.port", "65535"), {"SERVER__PORT": "70000"}),
    "no workers": Mistake("serve", ("server.workers",), {"SERVER__WORKERS": "0"}),
    "a reload of something else": Mistake(
        "serve", ("server.reload_on_change", "bool"), {"SERVER__RELOAD_ON_CHANGE": "secrets"}
    ),
    "a deadline of zero": Mistake(
        "serve", ("server.request_deadline_seconds",), {"SERVER__REQUEST_DEADLINE_SECONDS": "0"}
    ),
    "a default page above the maximum": Mistake("serve", ("limits",), {"LIMITS__PAGE_DEFAULT": "500"}),
    "a renamed setting": Mistake(
        "check --offline", ("overload.max_present", "overload.max_in_flight"), {"OVERLOAD__MAX_PRESENT": "5"}
    ),
    "a currency in small letters": Mistake("serve", ("deposits", "has 'usd'"), {"DEPOSITS__MAXIMUM": "{usd = 1}"}),
    "a limit of zero": Mistake("serve", ("deposits", "USD must be more than 0"), {"DEPOSITS__MAXIMUM__USD": "0"}),
    "an unknown audience": Mistake("serve", ("server.metrics", "operators"), {"SERVER__METRICS": "all"}),
    "an unknown audience of the documentation": Mistake("serve", ("server.docs", "nobody"), {"SERVER__DOCS": "true"}),
    "a share of traces above one": Mistake("serve", ("tracing.sample_ratio", "<= 1"), {"TRACING__SAMPLE_RATIO": "5"}),
    "a secret in the address of the traces": Mistake(
        "serve", ("tracing", "endpoint", "headers"), {"TRACING__ENDPOINT": f"http://me:{SECRET}@collector/v1/traces"}
    ),
    "an audit of something else": Mistake("serve", ("audit.reads", "bool"), {"AUDIT__READS": "clients"}),
    "a slowness below zero": Mistake("serve", ("server.slow_seconds", ">= 0"), {"SERVER__SLOW_SECONDS": "-1"}),
    "an origin without a list": Mistake(
        "serve", ("http.cors_origins", '["a", "b"]'), {"HTTP__CORS_ORIGINS": "http://localhost:5173"}
    ),
    "an origin with a path": Mistake(
        "serve", ("cors_origins", "https://dashboard"), {"HTTP__CORS_ORIGINS": '["http://localhost:5173/"]'}
    ),
    # Secrets
    "a missing secret file": Mistake(
        "check --offline", ("nowhere.txt", "hyper.access_token"), {"HYPER__ACCESS_TOKEN": '{file = "nowhere.txt"}'}
    ),
    "a missing secret variable": Mistake(
        "check --offline",
        ("NO_SUCH_VARIABLE", "hyper.access_token"),
        {"HYPER__ACCESS_TOKEN": '{env = "NO_SUCH_VARIABLE"}'},
    ),
    "a secret that is a number": Mistake(
        "check --offline", ("hyper.access_token",), {"HYPER__ACCESS_TOKEN": "{x = 1}"}
    ),
    "a password that is not encoded": Mistake(
        "migrate",
        ("state.database_url", "percent-encode"),
        {"STATE__DATABASE_URL": f"postgresql://me:{SECRET}#1@127.0.0.1/db"},
    ),
    "an address of a replica that is none": Mistake(
        "serve", ("erp.replica_url", "percent-encode"), {"ERP__REPLICA_URL": f"postgresql://me:{SECRET}/@b/db"}
    ),
    "a replica that must not lag": Mistake(
        "serve", ("state.replica_lag_seconds", ">= 2"), {"STATE__REPLICA_LAG_SECONDS": "0"}
    ),
    "a replica that may lag longer than a stop takes": Mistake(
        "serve", ("erp.replica_lag_seconds", "<= 20"), {"ERP__REPLICA_LAG_SECONDS": "60"}
    ),
    "several replicas": Mistake(
        "serve",
        ("erp.replica_url", "several hosts"),
        {"ERP__REPLICA_URL": f"postgresql://me:{SECRET}@a:5432,b:5432/db"},
    ),
    "several replicas by a parameter": Mistake(
        "serve",
        ("state.replica_url", "several hosts"),
        {"STATE__REPLICA_URL": f"postgresql://me:{SECRET}@/db?host=a,b"},
    ),
    "another database": Mistake(
        "migrate", ("state.database_url", "postgresql://"), {"STATE__DATABASE_URL": "mysql://x/y"}
    ),
    "a Redis address that is none": Mistake(
        "serve", ("budget.redis_url",), {"BUDGET__STORE": "redis", "BUDGET__REDIS_URL": f"http://:{SECRET}@x"}
    ),
    # Vendors and servers
    "an unknown adapter": Mistake("serve", ("servers.R1.adapter", "cplugin"), {"SERVERS__R1__ADAPTER": "cplugn"}),
    "an unknown platform": Mistake("serve", ("servers.R1.platform", "MT4"), {"SERVERS__R1__PLATFORM": "MT6"}),
    "an unknown connection": Mistake("serve", ("servers.R1.connection",), {"SERVERS__R1__CONNECTION": "mian"}),
    "an unknown time zone": Mistake("serve", ("servers.R1.timezone",), {"SERVERS__R1__TIMEZONE": "Europe/Atlantis"}),
    "an address that is none": Mistake("serve", ("broctagon.url",), {"BROCTAGON__URL": "crm.example.com"}),
    "an address with a password": Mistake(
        "serve", ("broctagon.url",), {"BROCTAGON__URL": f"https://me:{SECRET}@crm.example.com"}
    ),
    "a missing CA file": Mistake(
        "serve", ("broctagon.network.ca_file", "/nowhere/ca.pem"), {"BROCTAGON__NETWORK__CA_FILE": "/nowhere/ca.pem"}
    ),
    "a proxy that is none": Mistake(
        "serve", ("broctagon.network.proxy",), {"BROCTAGON__NETWORK__PROXY": f"me:{SECRET}@proxy"}
    ),
    # Command lines
    "a busy port": Mistake("serve --port BUSY", ("BUSY",)),
    "an unknown command": Mistake("srve", ("srve",)),
    "an unknown option": Mistake("check --ofline", ("--ofline",)),
    "an unknown scope": Mistake("keys create acme --scope client:raed", ("client:raed", "client:read")),
    "no scope": Mistake("keys create acme", ("--scope",)),
    "an empty principal": Mistake(["keys", "create", "", "--scope", "client:read"], ("principal",)),
    "an id that is none": Mistake("keys create acme --scope client:read --id A_B", ("A_B", "a-z")),
    "a key that is unknown": Mistake("keys revoke key-00000000", ("key-00000000",)),
    "a webhook without TLS": Mistake("webhooks add acme http://a.example/", ("https://",)),
    "a webhook without a key": Mistake("webhooks add acme https://a.example/", ("webhooks.key", "openssl rand")),
    "a key of webhooks that is none": Mistake("serve", ("webhooks.key", "32 bytes"), {"WEBHOOKS__KEY": SECRET}),
    "an overlap that is none": Mistake("keys rotate key-00000000 --overlap soon", ("soon", "7d")),
    "an instruction id that is none": Mistake("instructions show 4711", ("4711", "UUID")),
    "an unknown instruction": Mistake(f"instructions show {UUID}", (UUID,)),
    "one person twice": Mistake([*RESOLVE, "--decided-by", "ANNA", "--confirmed-by", "anna"], ("must not be",)),
    "no documents file": Mistake("documents add acme /nowhere/docs.json", ("/nowhere/docs.json",)),
    "a manifest that is none": Mistake("documents add acme MANIFEST", ("MANIFEST",)),
    "neither ids nor --all": Mistake("documents remove acme", ("--all",)),
    "a schema that is none": Mistake("documents check --schema MANIFEST", ("MANIFEST",)),
    "another schema": Mistake("schema --check MANIFEST", ("MANIFEST", "brokergraph schema >")),
    "no schema file": Mistake("schema --check /nowhere", ("/nowhere",)),
    "two wishes of one schema": Mistake("schema --check MANIFEST --possible-types", ("--possible-types",)),
    "a shell that is unknown": Mistake("completion tcsh", ("tcsh", "fish")),
    "no shell": Mistake("completion", ("Missing argument", "bash")),
    "an origin that is none": Mistake("demo --cors-origin localhost:5173", ("localhost:5173", "https://")),
    "a data folder that is a file": Mistake("demo --data MANIFEST", ("MANIFEST", "file")),
    "too many clients": Mistake("demo --clients 2000000", ("2000000", "1000000")),
    "a reserved port": Mistake("sandbox --port-base 80", ("80", "1024")),
    "a listing in another form": Mistake("keys list --jsn", ("--jsn", "--json")),
    "an empty document": Mistake("query", ("document is empty",)),
    "two documents": Mistake(["query", "{ a }", "--file", "MANIFEST"], ("--file", "not both")),
    "no document file": Mistake("query --file /nowhere.graphql", ("/nowhere.graphql", "No such file")),
    "a folder as document": Mistake("query --file /tmp", ("/tmp", "directory")),
    "variables that are a list": Mistake(["query", "{ a }", "--variables", "[1]"], ("--variables", "object")),
    "variables that are no JSON": Mistake(["query", "{ a }", "--variables", "{a: 1}"], ("--variables", "JSON")),
    "no file of variables": Mistake(["query", "{ a }", "--variables", "@/nowhere.json"], ("/nowhere.json",)),
    "another protocol": Mistake(["query", "{ a }", "--url", "ftp://a"], ("--url", "http://")),
    "a password in an address": Mistake(["query", "{ a }", "--url", f"http://me:{SECRET}@a/"], ("--url", "--key")),
    "a key with a blank": Mistake(["query", "{ a }", "--key", f"{SECRET} x"], ("--key", "character")),
    "an empty key": Mistake(["query", "{ a }", "--key", ""], ("--key", "empty")),
    "a time-out of zero": Mistake(["query", "{ a }", "--timeout", "0"], ("--timeout", "0.1")),
    "a graph that does not listen": Mistake(
        ["query", "{ a }", "--url", "http://127.0.0.1:9/graphql"], ("127.0.0.1:9", "refused")
    ),
}


@pytest.fixture
def busy() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        yield taken.getsockname()[1]


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_its_place_and_its_remedy(acme, tmp_path, busy, name):
    mistake = MISTAKES[name]
    manifest = tmp_path / "manifest.json"
    manifest.write_text("[]")
    settings = acme.operator.settings
    if mistake.text:
        settings = tmp_path / "brokergraph.toml"
        settings.write_text(Path(acme.operator.settings).read_text() + mistake.text)
    places = {"MANIFEST": str(manifest), "BUSY": str(busy)}
    arguments = [places.get(word, word) for word in mistake.arguments]
    variables = {f"BROKERGRAPH_{key}": value for key, value in mistake.variables.items()}

    done = Operator(settings, acme.operator.variables).having(**variables).run_here(*arguments)

    # docs/command-line.md: 2 for a wrong command line, 1 for anything else.
    assert done.exit_code == (2 if "Usage: " in done.output else 1), done.output
    assert len([line for line in done.output.splitlines() if line.startswith("Error: ")]) <= 1
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    assert "Traceback" not in done.output
    for word in mistake.words:
        assert places.get(word, word).lower() in done.output.lower()
    assert SECRET not in done.output


def test_there_are_forty_mistakes_over_every_command():
    commands = {mistake.arguments[0] for mistake in MISTAKES.values()}

    assert len(MISTAKES) >= 40
    assert commands == set(main.list_commands(Context(main))) | {"srve"}

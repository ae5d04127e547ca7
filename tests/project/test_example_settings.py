import base64
import re
import tomllib
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pytest
from support.certificates import PrivateCa

from api.settings.settings import SettingsFile, load_settings
from core.errors import ConfigError
from core.secret import Secret

HOUSE = Path(__file__).parents[2]
EXAMPLE = HOUSE / "brokergraph.example.toml"
SECRETS = ("hyper_access_token", "hyper_refresh_token", "broctagon_key", "cplugin_client_secret", "broker_work_token")
SECRETS += ("mt5_password",)
WEBHOOKS_KEY = base64.b64encode(bytes(32)).decode()
ENVIRONMENT = {"ERP_DATABASE_URL": "postgresql://erp", "STATE_DATABASE_URL": "postgresql://state"}
ENVIRONMENT |= {
    "REDIS_URL": "redis://redis",
    "ERP_REPLICA_URL": "postgresql://r",
    "STATE_REPLICA_URL": "postgresql://s",
}


@pytest.fixture
def example(tmp_path) -> Path:
    (tmp_path / "secrets").mkdir()
    for name in SECRETS:
        (tmp_path / "secrets" / name).write_text(f"{name}\n")
    (tmp_path / "secrets" / "webhooks_key").write_text(WEBHOOKS_KEY)
    PrivateCa(tmp_path / "secrets")
    (tmp_path / "brokergraph.toml").write_text(EXAMPLE.read_text())
    return tmp_path / "brokergraph.toml"


def uncommented(text: str) -> str:
    return re.sub(r"^#(?=[a-z0-9_]+ = )", "", text, flags=re.MULTILINE)


def explanation(lines: list[str], number: int) -> str:
    """The comment right above a line."""
    first = number
    while lines[first - 1].startswith("# "):
        first -= 1
    return " ".join(lines[first:number])


def sections(kind: type, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], type]]:
    """Every section of the settings; the NAME in [cplugin.NAME] is written "*"."""
    found = [(path, kind)]
    for name, hint in get_type_hints(kind).items():
        for part in (hint, *get_args(hint)):
            if isinstance(part, type) and issubclass(part, msgspec.Struct):
                found += sections(part, (*path, name, "*") if get_origin(hint) is dict else (*path, name))
    return found


def tables(tree: dict[str, Any], path: tuple[str, ...]) -> list[dict[str, Any]]:
    if not path:
        return [tree]
    if path[0] == "*":
        return [table for child in tree.values() for table in tables(child, path[1:])]
    return tables(tree[path[0]], path[1:]) if path[0] in tree else []


def is_section(hint: Any) -> bool:
    return any(isinstance(part, type) and issubclass(part, msgspec.Struct) for part in (hint, *get_args(hint)))


def test_the_example_is_a_settings_file_as_it_stands(example):
    settings = load_settings(example, ENVIRONMENT)

    assert settings.erp.database_url.reveal() == "postgresql://erp"
    assert settings.hyper.access_token.reveal() == "hyper_access_token"
    assert sorted(settings.servers) == ["A1", "L1", "M1", "R1"]
    assert settings.servers["R1"].groups == ("Basic_IL2",)


@pytest.mark.parametrize(
    "path,section", sections(SettingsFile), ids=lambda value: ".".join(value) if isinstance(value, tuple) else ""
)
def test_every_setting_is_explained_where_it_belongs(path, section):
    tree = tomllib.loads(uncommented(EXAMPLE.read_text()))

    mentioned = set().union(*(table.keys() for table in tables(tree, path)))
    hints = get_type_hints(section)
    assert {name for name, hint in hints.items() if not is_section(hint)} - mentioned == set()
    assert mentioned - hints.keys() == set()


def builtin(value: Secret | Path) -> str:
    return value.reveal() if isinstance(value, Secret) else str(value)


def test_what_is_commented_out_is_the_default(example):
    """Uncommenting every line changes nothing but the few that have no default to show."""
    plain = msgspec.to_builtins(load_settings(example, ENVIRONMENT), enc_hook=builtin)

    example.write_text(uncommented(EXAMPLE.read_text()))
    edited = msgspec.to_builtins(load_settings(example, ENVIRONMENT), enc_hook=builtin)

    assert plain["server"].pop("graphiql_key") is plain["server"].pop("dashboard_key") is None
    assert plain["state"].pop("database_url") is plain["state"].pop("listen_url") is None
    assert plain["hyper"].pop("refresh_token") is plain["budget"].pop("redis_url") is None
    assert plain["streams"].pop("redis_url") is plain["webhooks"].pop("key") is None
    edited["webhooks"].pop("key")
    for table in (edited["server"], edited["state"], edited["hyper"], edited["budget"], edited["streams"]):
        for name in ("graphiql_key", "dashboard_key", "database_url", "listen_url", "refresh_token", "redis_url"):
            table.pop(name, None)
    assert plain["erp"]["replica_url"] is plain["state"]["replica_url"] is None
    for tree in (plain, edited):
        for database in ("erp", "state"):
            tree[database].pop("replica_url")
        for name in ("jwks_uri", "ca_file", "proxy", "scopes_claim", "every_agency", "client_number_claim"):
            tree["auth"]["oidc"]["staff"].pop(name)
        tree["auth"]["oidc"]["staff"].pop("dashboard_client_id")
        tree["servers"]["R1"].pop("demo_groups")
        tree["cplugin"]["main"].pop("token_url")
        for vendor in (tree["hyper"], tree["broctagon"], tree["cplugin"]["main"], tree["broker_work"]["main"]):
            vendor["limits"].pop("requests_per_minute")
            vendor.pop("network")
        tree["mt5_web"]["main"].pop("fingerprint")
        tree["mt5_web"]["main"]["limits"].pop("requests_per_minute")
        tree["mt5_web"]["asia"].pop("ca_file")
    assert edited == plain


def test_a_line_that_does_not_show_the_default_says_what_it_is(example):
    lines = EXAMPLE.read_text().splitlines()
    plain = load_settings(example, ENVIRONMENT)

    silent = []
    for number, line in enumerate(lines):
        if uncommented(line) == line:
            continue
        example.write_text("\n".join([*lines[:number], uncommented(line), *lines[number + 1 :]]))
        if load_settings(example, ENVIRONMENT) != plain and "Default:" not in explanation(lines, number):
            silent.append((number + 1, line))

    assert silent == []


@pytest.mark.parametrize(
    "variable,text,read",
    [
        ("BROKERGRAPH_SERVER__PORT", "9001", lambda s: s.server.port == 9001),
        (
            "BROKERGRAPH_ERP__DATABASE_URL",
            "postgresql://other",
            lambda s: s.erp.database_url == Secret("postgresql://other"),
        ),
        ("BROKERGRAPH_CPLUGIN__MAIN__CLIENT_ID", "else", lambda s: s.cplugin["main"].client_id == "else"),
        ("BROKERGRAPH_SERVERS__R1__DEPOSITS", "false", lambda s: s.servers["R1"].deposits is False),
        ("BROKERGRAPH_SERVERS__R1__GROUPS", '["a", "b"]', lambda s: s.servers["R1"].groups == ("a", "b")),
        ("BROKERGRAPH_HYPER__LIMITS__READ_ATTEMPTS", "1", lambda s: s.hyper.limits.read_attempts == 1),
    ],
)
def test_a_variable_outranks_the_file(example, variable, text, read):
    assert not read(load_settings(example, ENVIRONMENT))

    assert read(load_settings(example, ENVIRONMENT | {variable: text}))


@pytest.mark.parametrize(
    "old,new,path",
    [
        ("[server]", "[server]\nprot = 1", "server.prot"),
        ("[server]", '[server]\nport = "many"', "server.port"),
        ("[servers.R1]", "[servers.R1]\ngroup = 1", "servers.R1.group"),
        ('accounting_currency = "ILS"', "", "erp"),
        ('database_url = { env = "ERP_DATABASE_URL" }', 'database_url = { env = "NOBODY" }', "erp.database_url"),
        ("secrets/broctagon_key", "secrets/nowhere", "broctagon.key"),
        ("[auth]", "[atuh]", "atuh"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(example, old, new, path):
    text = example.read_text()
    assert text.count(old) >= 1
    example.write_text(text.replace(old, new, 1))

    with pytest.raises(ConfigError) as caught:
        load_settings(example, ENVIRONMENT)

    assert caught.value.path == path


def test_no_secret_of_the_settings_is_in_their_repr(example):
    shown = repr(load_settings(example, ENVIRONMENT))

    assert [name for name in (*SECRETS, "postgresql") if f"'{name}" in shown] == []
    assert "Secret(***)" in shown

"""Settings that come as environment variables: the names that an operator made up are kept as they are written."""

from decimal import Decimal

import pytest

from api.settings.settings import load_settings
from core.errors import ConfigError

LEAST = '[erp]\ndatabase_url = "postgresql://in-file"\naccounting_currency = "ILS"\n'
SERVER = 'platform = "MT4"\nadapter = "cplugin"\nconnection = "main"\nid = "1"\n'
ISSUER = 'issuer = "https://login.example.com"\naudience = ["brokergraph"]\n'


@pytest.fixture
def load(tmp_path):
    def write_and_load(text="", **variables):
        path = tmp_path / "brokergraph.toml"
        path.write_text(LEAST + text, encoding="utf-8")
        return load_settings(path, {f"BROKERGRAPH_{name}": value for name, value in variables.items()})

    return write_and_load


@pytest.mark.parametrize("name", ["maximum", "daily_per_caller", "daily_per_account"])
def test_a_limit_of_deposits_holds_for_the_currency_that_the_variable_names(load, name):
    limits = load(**{f"DEPOSITS__{name.upper()}__USD": "10", f"DEPOSITS__{name.upper()}__EUR": "5"}).deposits

    assert getattr(limits, name) == {"USD": Decimal(10), "EUR": Decimal(5)}


def test_a_limit_beside_a_whole_table_is_kept_whichever_comes_first(load):
    table, one = {"DEPOSITS__MAXIMUM": "{ USD = 10 }"}, {"DEPOSITS__MAXIMUM__EUR": "5"}

    assert load(**table, **one).deposits.maximum == load(**one, **table).deposits.maximum == {"USD": 10, "EUR": 5}


def test_a_partner_with_capitals_is_meant_by_its_own_name(load):
    documents = load(DOCUMENTS__PARTNERS__Acme="enforce").documents

    assert (documents.mode_of("Acme"), documents.mode_of("acme")) == ("enforce", "off")


def test_sections_are_made_under_the_names_that_variables_give_them(load):
    settings = load(
        SERVERS__R1__PLATFORM="MT4",
        SERVERS__R1__ADAPTER="cplugin",
        SERVERS__R1__ID="1",
        CPLUGIN__Main__URL="https://cplugin",
        CPLUGIN__Main__AUTH_URL="https://auth",
        CPLUGIN__Main__CLIENT_ID="id",
        CPLUGIN__Main__CLIENT_SECRET="secret",
        BROKER_WORK__Second__URL="https://broker-work",
        BROKER_WORK__Second__TENANT_ID="1",
        BROKER_WORK__Second__TOKEN="token",
        AUTH__OIDC__Staff__ISSUER="https://login.example.com",
        AUTH__OIDC__Staff__AUDIENCE='["brokergraph"]',
        AUTH__OIDC__Staff__SCOPES__Desk='["client:read"]',
    )

    assert [*settings.servers, *settings.cplugin, *settings.broker_work, *settings.auth.oidc] == [
        *("R1", "Main", "Second", "Staff")
    ]
    assert settings.auth.oidc["Staff"].scopes == {"Desk": ("client:read",)}


def test_a_section_of_the_file_is_met_whatever_its_case_and_to_the_letter_where_it_is_there(load):
    apart = f"[servers.r1]\n{SERVER}[servers.R1]\n{SERVER}"

    met = load(f"[servers.Live]\n{SERVER}", SERVERS__LIVE__ID="2")
    exact = load(apart, SERVERS__R1__ID="2")

    assert {name: server.id for name, server in met.servers.items()} == {"Live": "2"}
    assert {name: server.id for name, server in exact.servers.items()} == {"r1": "1", "R1": "2"}


def test_a_secret_may_be_named_by_its_parts(load, tmp_path):
    (tmp_path / "url").write_text("postgresql://from-file\n")

    assert load(STATE__DATABASE_URL__FILE="url").state.database_url.reveal() == "postgresql://from-file"


@pytest.mark.parametrize(
    "text, variables, words",
    [
        ('[documents]\npartners = { acme = "off" }\n', {"DOCUMENTS__PARTNERS__ACME": "enforce"}, ["ACME", "acme"]),
        ("[deposits]\nmaximum = { USD = 1 }\n", {"DEPOSITS__MAXIMUM__usd": "2"}, ["MAXIMUM__usd", "USD"]),
        (f"[servers.la]\n{SERVER}[servers.La]\n{SERVER}", {"SERVERS__LA__ID": "2"}, ["SERVERS__LA__ID", "la", "La"]),
        ("", {"SERVER__PORT": "1", "server__port": "2"}, ["BROKERGRAPH_SERVER__PORT", "BROKERGRAPH_server__port"]),
        (f"[servers.R1]\n{SERVER}", {"SERVERS__R1__ID": "2", "SERVERS__r1__ID": "3"}, ["R1__ID", "r1__ID"]),
    ],
)
def test_a_variable_that_may_mean_two_things_is_refused_with_both(load, text, variables, words):
    with pytest.raises(ConfigError) as refused:
        load(text, **variables)

    assert [word for word in words if word not in str(refused.value)] == []


def test_a_shell_with_the_variables_of_query_runs_every_other_command(load):
    assert load(CONFIG="x.toml", PORT="8000", URL="http://127.0.0.1:8000/graphql", KEY="demo-operator") == load()

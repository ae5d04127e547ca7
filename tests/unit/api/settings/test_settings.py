from decimal import Decimal

import pytest

from api.settings.settings import load_settings
from core.errors import ConfigError

LEAST = '[erp]\ndatabase_url = "postgresql://in-file"\naccounting_currency = "ILS"\n'


@pytest.fixture
def load(tmp_path):
    def write_and_load(text, environment=None):
        path = tmp_path / "brokergraph.toml"
        path.write_text(text, encoding="utf-8")
        return load_settings(path, environment or {})

    return write_and_load


def test_the_environment_overrides_the_file_and_creates_what_is_not_there(load):
    settings = load(
        LEAST + '[servers.R1]\nplatform = "MT4"\nadapter = "cplugin"\nconnection = "main"\nid = "1"\n',
        {
            "BROKERGRAPH_ERP__DATABASE_URL": "postgresql://in-environment",
            "BROKERGRAPH_SERVER__PORT": "8001",
            "BROKERGRAPH_SERVER__INTROSPECTION": "true",
            "BROKERGRAPH_LIMITS__PAGE_MAX": "100",
            "BROKERGRAPH_SERVERS__R1__GROUPS": '["a", "b"]',
            "BROKERGRAPH_DEPOSITS__MAXIMUM": '{ USD = "1000.50" }',
            "BROKERGRAPH_CONFIG": "is no setting",
            "BROKERGRAPH_PORT": "neither",
            "UNRELATED": "x",
        },
    )

    assert settings.erp.database_url.reveal() == "postgresql://in-environment"
    assert (settings.server.port, settings.server.introspection, settings.limits.page_max) == (8001, True, 100)
    assert list(settings.servers["R1"].groups) == ["a", "b"]
    assert settings.deposits.maximum == {"USD": Decimal("1000.50")}


def test_a_secret_is_had_from_a_text_a_file_or_a_variable_and_never_shown(load, tmp_path):
    (tmp_path / "url").write_text("postgresql://hush-file\n")
    from_file = load(LEAST.replace('"postgresql://in-file"', '{ file = "url" }'))
    from_variable = load(LEAST.replace('"postgresql://in-file"', '{ env = "URL" }'), {"URL": "postgresql://hush-env"})
    from_override = load(LEAST, {"BROKERGRAPH_ERP__DATABASE_URL": '{ file = "url" }'})

    assert from_file.erp.database_url.reveal() == from_override.erp.database_url.reveal() == "postgresql://hush-file"
    assert from_variable.erp.database_url.reveal() == "postgresql://hush-env"
    assert "hush" not in repr(from_file) + str(from_file) + repr(from_variable)


def test_the_files_of_the_settings_are_known_also_the_absent_ones(tmp_path):
    path, files = tmp_path / "brokergraph.toml", set()
    issuer = '[auth.oidc.staff]\nissuer = "https://issuer.example"\naudience = ["graph"]\nca_file = "ca.pem"\n'
    path.write_text(LEAST.replace('"postgresql://in-file"', '{ file = "secrets/url" }') + issuer)
    with pytest.raises(ConfigError, match="secrets/url"):
        load_settings(path, {}, files)
    assert files == {path, tmp_path / "secrets" / "url"}

    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "url").write_text("postgresql://in-secret")
    with pytest.raises(ConfigError, match=r"ca\.pem"):
        load_settings(path, {}, files)
    assert files == {path, tmp_path / "secrets" / "url", tmp_path / "ca.pem"}


@pytest.mark.parametrize(
    "text, environment, place",
    [
        ("", {}, "erp"),
        ('[erp]\naccounting_currency = "ILS"\n', {}, "erp"),
        (LEAST + "surprise = 1\n", {}, "erp"),
        (LEAST + "[surprise]\n", {}, "surprise"),
        (LEAST + '[server]\nport = "http"\n', {}, "server.port"),
        (LEAST, {"BROKERGRAPH_SERVER__PROT": "1"}, "prot"),
        (LEAST.replace('"postgresql://in-file"', '{ file = "nowhere" }'), {}, "erp.database_url"),
        (LEAST.replace('"postgresql://in-file"', '{ env = "NOWHERE" }'), {}, "erp.database_url"),
        (LEAST.replace('"postgresql://in-file"', '{ file = "a", env = "b" }'), {}, "erp.database_url"),
        (LEAST.replace('"postgresql://in-file"', "5"), {}, "erp.database_url"),
        (LEAST + "[server\n", {}, "brokergraph.toml"),
        (LEAST, {"BROKERGRAPH_ERP__DATABASE_URL__X": "1"}, "BROKERGRAPH_ERP__DATABASE_URL__X"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(load, text, environment, place):
    with pytest.raises(ConfigError) as refused:
        load(text, environment)

    assert place in str(refused.value)
    assert "in-file" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        load_settings(tmp_path / "nowhere.toml", {})

"""A command that finds no settings file says that, and not what is missing from a file that is not there."""

import os

import pytest
from click.testing import CliRunner

from api.cli import main

GIVEN = {"BROKERGRAPH_ERP__DATABASE_URL": "postgresql://erp", "BROKERGRAPH_ERP__ACCOUNTING_CURRENCY": "ILS"}


@pytest.fixture
def check(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inherited = {name: None for name in os.environ if name.startswith("BROKERGRAPH_")}
    return lambda **variables: CliRunner().invoke(main, ["check", "--offline"], env=inherited | variables)


@pytest.mark.parametrize("variables", [{}, {"BROKERGRAPH_ERP__DATABASE_URL": "postgresql://erp"}])
def test_where_there_is_no_settings_file_it_is_said_how_to_name_one(check, tmp_path, variables):
    done = check(**variables)

    assert done.exit_code == 1
    words = ["missing required field", f"no brokergraph.toml in {tmp_path}", "--config", "BROKERGRAPH_CONFIG"]
    assert [word for word in words if word not in done.stderr] == []


def test_a_file_that_is_there_or_named_is_not_asked_for(check, tmp_path):
    named = check(BROKERGRAPH_CONFIG=str(tmp_path / "other.toml"))
    (tmp_path / "brokergraph.toml").write_text("")
    here = check()

    assert "other.toml: cannot be read" in named.stderr
    assert "missing required field" in here.stderr
    assert "--config" not in named.stderr + here.stderr


def test_variables_alone_are_settings_too_and_their_mistakes_are_their_own(check):
    mistaken = check(**GIVEN, BROKERGRAPH_SERVER__PORT="many")

    assert check(**GIVEN).exit_code == 0
    assert mistaken.stderr == "Error: Settings: server.port: Expected `int`, got `str`\n"

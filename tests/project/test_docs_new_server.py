"""docs/adding-a-server.md is true: a trading server of a known vendor needs configuration alone."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import tomlkit
from support.boxes import RunningBox
from support.documented import blocks
from support.graphs import running_graph
from support.mutations import deposit
from support.served import Operator

ACCOUNT = """{ tradingAccount(by: { account: { server: "R1", login: "61436" } }) {
  balance live { leverage } server { platform system hasLiveFigures canDeposit } } }"""
[SHOWN] = [block.text for block in blocks("docs/adding-a-server.md") if block.language == "toml"]


@pytest.fixture
def without(box, tmp_path) -> RunningBox:
    """The sandbox with settings that lack its server R1."""
    tables = tomllib.loads(box.settings_path.read_text())
    del tables["servers"]["R1"]
    path = tmp_path / "brokergraph.toml"
    path.write_text(tomlkit.dumps(tables))
    return replace(box, settings_path=path)


def add_as_shown(settings: Path, box: RunningBox) -> None:
    """Add the section of the page, with the name and the vendor's id of R1."""
    vendor_id = tomllib.loads(box.settings_path.read_text())["servers"]["R1"]["id"]
    section = re.sub(
        r'^id = ".*"$', f'id = "{vendor_id}"', SHOWN.replace("servers.R9", "servers.R1"), flags=re.MULTILINE
    )
    settings.write_text(f"{settings.read_text()}\n{section}")


@pytest.mark.usefixtures("well_behaved")
def test_a_server_of_a_known_vendor_needs_one_section_of_the_settings(box, without):
    with running_graph(without) as graph:
        before = graph.data(ACCOUNT)["tradingAccount"]
    add_as_shown(without.settings_path, box)
    checked = Operator(without.settings_path).run_here("check")
    with running_graph(without) as graph:
        after = graph.data(ACCOUNT)["tradingAccount"]
        refused = deposit(graph, "R1", "61436")

    nothing = {"platform": "UNRECOGNISED", "system": None, "hasLiveFigures": False, "canDeposit": False}
    assert before == {"balance": before["balance"], "live": None, "server": nothing}
    assert (checked.exit_code, "servers.R1: answers" in checked.output) == (0, True)
    assert after["live"] == {"leverage": "100"}
    assert after["server"] == nothing | {"platform": "MT4", "system": "CPLUGIN", "hasLiveFigures": True}
    assert refused["__typename"] == "Refused"


@pytest.mark.usefixtures("well_behaved")
def test_check_names_the_section_whose_id_the_vendor_does_not_know(box, without):
    without.settings_path.write_text(f"{without.settings_path.read_text()}\n{SHOWN}")

    checked = Operator(without.settings_path).run_here("check")

    assert checked.exit_code == 1
    assert "servers.R9" in next(line for line in checked.output.splitlines() if line.startswith("WRONG"))

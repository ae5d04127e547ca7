"""Help and completion are quick, because they load none of the libraries that do the work."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click import Context, Group
from click.testing import CliRunner

from api.cli import COMMANDS, main
from api.cli.webhooks import KINDS
from resolvers.policy.enums import InstructionKind

HEAVY = {"asyncpg", "graphql", "httpx", "msgspec", "rich", "sandbox", "starlette", "strawberry", "structlog", "uvicorn"}
WORDS = [
    ["--help"],
    *([name, "--help"] for name in COMMANDS),
    ["keys", "create", "--help"],
    ["instructions", "list", "-h"],
]


def loaded_by(*words: str, **variables: str) -> tuple[set[str], str]:
    """The top-level modules that the command line has loaded when it ends, and what it prints."""
    program = (
        "import atexit, json, sys\n"
        "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))\n"
        f"sys.argv = ['brokergraph', *{words!r}]\n"
        "from api.cli import main\n"
        "main(prog_name='brokergraph')\n"
    )
    environment = os.environ | variables
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stderr.splitlines()[-1])}, done.stdout


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_help_loads_no_library_that_it_does_not_need(words):
    modules, shown = loaded_by(*words)

    # The sandbox declares its own options beside its own servers.
    allowed = {"sandbox", "asyncpg", "msgspec", "starlette", "uvicorn"} if words[0] == "sandbox" else set()
    assert modules & HEAVY <= allowed
    assert shown.startswith("Usage: brokergraph")


def test_every_command_is_in_the_help_with_the_summary_of_its_module():
    context = Context(main)

    for name, summary in COMMANDS.items():
        command = main.get_command(context, name)
        assert command is not None
        assert name == "sandbox" or summary.split()[0] == (command.help or "").split()[0], name


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_asks_brokergraph(shell):
    done = CliRunner().invoke(main, ["completion", shell])

    assert done.exit_code == 0
    assert f"_BROKERGRAPH_COMPLETE={shell}_complete" in done.output


@pytest.mark.parametrize(
    "line, found",
    [
        ("brokergraph ", list(COMMANDS)),
        ("brokergraph in", ["instructions"]),
        ("brokergraph keys ", ["create", "list", "revoke", "rotate"]),
        ("brokergraph keys list --j", ["--json"]),
        ("brokergraph completion ", ["bash", "zsh", "fish"]),
    ],
)
def test_bash_completes_commands_options_and_choices_without_loading_them(line, found):
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}

    modules, shown = loaded_by(_BROKERGRAPH_COMPLETE="bash_complete", **words)

    assert [one.partition(",")[2] for one in shown.split()] == found
    assert modules & HEAVY == set()


def test_every_listing_prints_json():
    def commands(group: Group, path: tuple[str, ...] = ()):
        context = Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            if isinstance(command, Group):
                yield from commands(command, (*path, name))
            else:
                yield (*path, name), {option for one in command.params for option in one.opts}

    plain = {path for path, options in commands(main) if "--json" not in options}
    assert {path for path in plain if path[-1] in {"list", "show", "check"}} == set()


def test_every_command_and_exit_code_is_documented():
    page = (Path(__file__).parents[4] / "docs" / "command-line.md").read_text()

    assert [name for name in COMMANDS if f"`{name}`" not in page] == []
    assert re.findall(r"^\| (\d+) \|", page, re.MULTILINE) == ["0", "1", "2", "130"]


def test_the_kinds_of_webhooks_are_those_of_the_graph():
    assert list(KINDS) == [kind.value for kind in InstructionKind]


@pytest.fixture
def settings(tmp_path) -> str:
    """A settings file of which the check has something to note."""
    file = tmp_path / "brokergraph.toml"
    erp = '[erp]\ndatabase_url = "postgresql://a@127.0.0.1/b"\naccounting_currency = "USD"\n'
    file.write_text(f'{erp}[server]\ngraphiql_key = "demo"\n')
    return str(file)


@pytest.mark.parametrize("variables, has_colours", [({}, True), ({"NO_COLOR": "1"}, False)])
def test_no_color_switches_colours_off(settings, variables, has_colours):
    runner = CliRunner(env={"NO_COLOR": None, "BROKERGRAPH_CONFIG": settings, **variables})

    # click takes its output for a terminal.
    done = runner.invoke(main, ["check", "--offline"], color=True)

    assert done.output.startswith("\x1b[33mnote \x1b[0m" if has_colours else "note ")


def test_what_goes_to_a_file_has_no_colours(settings):
    done = CliRunner(env={"BROKERGRAPH_CONFIG": settings}).invoke(main, ["check", "--offline"])

    assert done.output.startswith("note ")
    assert "\x1b[" not in done.output


def test_a_check_prints_its_findings_as_json(settings):
    done = CliRunner(env={"BROKERGRAPH_CONFIG": settings}).invoke(main, ["check", "--offline", "--json"])

    [finding] = json.loads(done.output)
    assert (finding["subject"], finding["verdict"]) == ("server.graphiql_key", "note")

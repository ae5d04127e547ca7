"""`brokergraph`: the commands for operators. The module of a command is loaded only when the command runs."""

from importlib import import_module

import click
from typing_extensions import override

_COMMANDS = {
    "demo": "Run a sandbox brokerage, the graph and GraphiQL together.",
    "serve": "Serve the graph with the systems of the settings.",
    "check": "Report missing and wrong items of the settings, the databases and the vendors.",
    "migrate": "Create or update brokergraph's own database schema.",
    "schema": "Print the GraphQL schema.",
    "keys": "Make, list and revoke API keys.",
    "documents": "Add, list, check and remove the documents that partners may run.",
    "webhooks": "Add, list, test, rotate, disable and replay webhooks.",
    "instructions": "List, show, resolve and verify instructions.",
    "sandbox": "Run only the sandbox brokerage, for tests.",
}


class _Commands(click.Group):
    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"api.cli.{cmd_name}").command
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="brokergraph")
def main() -> None:
    """One GraphQL graph for a brokerage. Start with `brokergraph demo`."""

"""`brokergraph`: one command for each thing that an operator does. Each module is loaded only when it is asked for."""

from importlib import import_module

import click
from typing_extensions import override

_COMMANDS = {
    "demo": "Everything in one process tree: a sandbox brokerage, the graph and GraphiQL.",
    "serve": "Serve the graph against the systems that the settings name.",
    "check": "Tell what is missing or wrong in the settings, the databases and the vendors.",
    "migrate": "Bring brokergraph's own schema up to date.",
    "schema": "Print the GraphQL schema.",
    "keys": "Make, list and revoke API keys.",
    "documents": "Add, list, check and remove the documents that partners may run.",
    "instructions": "List, show, resolve and verify what was ordered from the upstreams.",
    "sandbox": "Run the sandbox brokerage alone, for rehearsals.",
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

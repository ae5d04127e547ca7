"""`brokergraph`: the commands for operators. The module of a command is loaded only when the command runs."""

import os
from importlib import import_module

import click
from click.shell_completion import CompletionItem
from typing_extensions import override

COMMANDS = {
    "demo": "Run a sandbox brokerage, the graph and GraphiQL together.",
    "serve": "Serve the graph with the systems of the settings.",
    "check": "Report missing and wrong items of the settings, the databases and the vendors.",
    "migrate": "Create or update brokergraph's own database schema.",
    "query": "Send a query, mutation or subscription to a graph, and print the answer as JSON.",
    "schema": "Print the GraphQL schema, or the possible types for Apollo Client.",
    "keys": "Make, list and revoke API keys.",
    "documents": "Add, list, check and remove the documents that partners may run.",
    "webhooks": "Add, list, test, rotate, disable and replay webhooks.",
    "instructions": "List, show, resolve and verify instructions.",
    "sandbox": "Run only the sandbox brokerage, for tests.",
    "completion": "Print the script that completes brokergraph's commands in a shell.",
}


class _Commands(click.Group):
    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"api.cli.{cmd_name}").command
        return command

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without loading their modules."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    @override
    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the name of a command without loading the modules of commands."""
        found = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="brokergraph")
@click.pass_context
def main(context: click.Context) -> None:
    """One GraphQL graph for a brokerage. Start with `brokergraph demo`."""
    if os.environ.get("NO_COLOR"):
        # Without this, click colours what goes to a terminal.
        context.color = False

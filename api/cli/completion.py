import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the script that completes brokergraph's commands in SHELL (docs/command-line.md)."""
    from api.cli import main

    completion = get_completion_class(shell)
    assert completion is not None
    click.echo(completion(main, {}, "brokergraph", "_BROKERGRAPH_COMPLETE").source())

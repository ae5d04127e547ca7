from pathlib import Path

import click

from api.cli.common import config_option, run_async, settings_from


@click.command()
@config_option
@run_async
async def command(config: Path | None) -> None:
    """Create or update brokergraph's own database schema. The command is safe at any time, also in several replicas at
    the same time.
    """
    from api.services import state_address
    from upstreams.postgres.migrate import migrate

    setting, url = state_address(settings_from(config))
    for name in await migrate(url, setting):
        click.echo(f"applied {name}")
    click.echo("The schema is up to date.")

from pathlib import Path

import click

from api.cli.common import config_option, run_async, settings_from
from upstreams.postgres.migrate import migrate


@click.command()
@config_option
@run_async
async def command(config: Path | None) -> None:
    """Bring brokergraph's own schema up to date. Safe to run at any time, by any number of replicas at once."""
    settings = settings_from(config)
    applied = await migrate(settings.state.database_url or settings.erp.database_url)
    for name in applied:
        click.echo(f"applied {name}")
    click.echo("The schema is up to date.")

from pathlib import Path

import click

from api.cli.common import config_option, run_async, settings_from
from upstreams.postgres.migrate import migrate


@click.command()
@config_option
@run_async
async def command(config: Path | None) -> None:
    """Create or update brokergraph's own database schema. The command is safe at any time, also in several replicas at
    the same time.
    """
    settings = settings_from(config)
    applied = await migrate(settings.state.database_url or settings.erp.database_url)
    for name in applied:
        click.echo(f"applied {name}")
    click.echo("The schema is up to date.")

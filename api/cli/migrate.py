from pathlib import Path

import click

from api.cli.common import config_option, run_async, settings_from
from api.services import state_address
from upstreams.postgres.migrate import MigrationError, migrate


@click.command()
@config_option
@run_async
async def command(config: Path | None) -> None:
    """Create or update brokergraph's own database schema. The command is safe at any time, also in several replicas at
    the same time.
    """
    settings = settings_from(config)
    setting, url = state_address(settings)
    try:
        applied = await migrate(url)
    except MigrationError as error:
        raise click.ClickException(f"{setting}: {error}") from None
    for name in applied:
        click.echo(f"applied {name}")
    click.echo("The schema is up to date.")

from pathlib import Path

import click


@click.command()
@click.option(
    "--check", type=click.Path(path_type=Path, exists=True), help="Fail if this file differs from the schema."
)
def command(check: Path | None) -> None:
    """Print the GraphQL schema."""
    from resolvers.schema import printed

    if check is None:
        click.echo(printed(), nl=False)
    elif check.read_text(encoding="utf-8") != printed():
        raise click.ClickException(f"{check} differs from the schema of the code; run `brokergraph schema > {check}`.")

from pathlib import Path

import click

from api.cli.listing import print_json


@click.command()
@click.option(
    "--check", type=click.Path(path_type=Path, exists=True), help="Fail if this file differs from the schema."
)
@click.option(
    "--federation", is_flag=True, help="Print the schema of the subgraph, for a gateway of Apollo Federation 2."
)
@click.option("--possible-types", is_flag=True, help="Print the types of each interface and union, for Apollo Client.")
def command(check: Path | None, *, federation: bool, possible_types: bool) -> None:
    """Print the GraphQL schema, or the possible types for Apollo Client."""
    from resolvers.schema import possible_type_names, printed

    if sum((check is not None, federation, possible_types)) > 1:
        raise click.UsageError("Give only one of --check, --federation and --possible-types.")
    if possible_types:
        print_json(possible_type_names())
    elif federation:
        from resolvers.federation import subgraph

        click.echo(subgraph(), nl=False)
    elif check is None:
        click.echo(printed(), nl=False)
    elif check.read_text(encoding="utf-8") != printed():
        raise click.ClickException(f"{check} differs from the schema of the code; run `brokergraph schema > {check}`.")

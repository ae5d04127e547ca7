"""Listings: lines of text for a person, or JSON for a program."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import click

T = TypeVar("T")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


def print_list(
    rows: Sequence[T], text: Callable[[T], str], record: Callable[[T], object], *, as_json: bool, empty: str
) -> None:
    """Print each row. An empty list says so on standard error, so that no program takes the sentence for a row."""
    if as_json:
        print_json([record(row) for row in rows])
        return
    for row in rows:
        click.echo(text(row))
    if not rows:
        click.echo(empty, err=True)


def print_json(value: object) -> None:
    """Print the value as indented JSON. Decimals become strings, times are in RFC 3339."""
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())

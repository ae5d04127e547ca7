from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

import click

from api.cli.common import sign_of_life

if TYPE_CHECKING:
    from api.cli.asking import Question

_INTERRUPTED = 130
# An address is not longer, and none has a blank or a control character.
_PRINTABLE = re.compile(r"[!-~]{1,2048}")


def _url(_context: click.Context, _option: click.Parameter, value: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        good = (
            parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
        )
    except ValueError:
        good = False
    if not good or not _PRINTABLE.fullmatch(value):
        # The value is not shown, because it may hold a password.
        raise click.BadParameter("This is not an address like http://127.0.0.1:8000/graphql. A key belongs in --key.")
    return parts


def _key(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """The key is never shown, so that no message quotes it."""
    if value is not None and not _PRINTABLE.fullmatch(value):
        raise click.BadParameter("The key is empty, or has a character that no key has.")
    return value


@click.command()
@click.argument("document", required=False)
@click.option("--file", "-f", type=click.Path(path_type=Path), help="Read the document from this file; - means stdin.")
@click.option("--variables", "-v", help="The variables: a JSON object, or @FILE with one.")
@click.option("--operation", help="The name of the operation to run, if the document has several.")
@click.option("--key", envvar="BROKERGRAPH_KEY", callback=_key, help="Other users see arguments: set BROKERGRAPH_KEY.")
@click.option(
    "--url", envvar="BROKERGRAPH_URL", default="http://127.0.0.1:8000/graphql", show_default=True, callback=_url
)
@click.option("--explain", is_flag=True, help="Ask for the call plan, too.")
@click.option("--timeout", type=click.FloatRange(0.1, 3600), default=60, show_default=True, help="In seconds.")
def command(  # noqa: PLR0913 - one for each option.
    *,
    document: str | None,
    file: Path | None,
    variables: str | None,
    operation: str | None,
    key: str | None,
    url: SplitResult,
    explain: bool,
    timeout: float,
) -> None:
    """Send DOCUMENT to a graph, and print the answer as JSON. Without DOCUMENT, it is read from standard input.

    Each answer of a subscription is printed as one line. The exit status is 1 if an answer has errors.
    """
    from api.cli.asking import AskingFailed, Question

    try:
        text, values = _document(document, file), _variables(variables)
        question = Question(url, text, values, operation=operation, key=key, explain=explain, timeout=timeout)
        # A subscription is quiet until something happens, so that the signs end with the first bytes.
        with sign_of_life() as end_signs:
            failed = _print_answers(question, end_signs)
    except AskingFailed as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        # The usual end of a subscription, with the status that shells give it.
        raise SystemExit(_INTERRUPTED) from None
    if failed:
        raise click.exceptions.Exit(1)


def _document(argument: str | None, file: Path | None) -> str:
    if argument is not None and file is not None:
        raise click.UsageError("Give the document as an argument or with --file, not both.")
    if argument is None and file is None and sys.stdin.isatty():
        raise click.UsageError("Give a document, --file, or a document on standard input.")
    text = argument if argument is not None else _read(file or Path("-"), "--file")
    if not text.strip():
        raise click.UsageError("The document is empty.")
    return text


def _variables(text: str | None) -> bytes:
    """The variables as they were written, so that no number is rounded."""
    import msgspec

    if text is None:
        return b"{}"
    content = _read(Path(text[1:]), "--variables") if text.startswith("@") else text
    try:
        msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise click.UsageError(f"--variables is not a JSON object: {error}") from None
    return content.encode()


def _read(path: Path, option: str) -> str:
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{option}: {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"{option}: {path} is not text in UTF-8.") from None


def _print_answers(question: Question, note_response: Callable[[], None]) -> bool:
    """Whether an answer had errors."""
    from api.cli.asking import ask

    failed = False
    for answer in ask(question, note_response):
        click.echo(answer.text)
        failed = failed or answer.has_errors
    return failed

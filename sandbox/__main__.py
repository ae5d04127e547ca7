"""`python -m sandbox`: runs the sandbox until TERM or INT."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from sandbox import seed
from sandbox.box import Box
from sandbox.database import SeedMismatchError
from sandbox.launch import die_with_parent
from sandbox.launch_identity import NoIdentityError
from sandbox.postgres_cluster import PostgresError
from sandbox.postgres_lock import DataFolderInUseError

BAR_FROM_CLIENTS = 20_000
"""A smaller number of clients loads so quickly that a progress bar is useless."""
LINES = 10
"""The number of lines that tell the progress where there is no terminal."""


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=Path(".brokergraph"), show_default=True
)
@click.option(
    "--clients",
    type=click.IntRange(0, seed.MAXIMUM_CLIENTS),
    help="The number of generated clients; default: the clients of the data folder.",
)
@click.option("--control", is_flag=True, help="Open the control ports, by which tests provoke faults of vendors.")
@click.option("--fresh", is_flag=True, help="Delete the content of the data folder and load it again.")
@click.option(
    "--durable/--not-durable", default=True, help="Keep data after a crash of the machine; tests do not need this."
)
@click.option(
    "--port-base", type=click.IntRange(1024, 65_000), help="The first of the vendors' ports; default: free ports."
)
@click.option(
    "--ready-file", type=click.Path(path_type=Path, dir_okay=False), help="Default: ready.json in the folder."
)
@click.option("--die-with-parent", "dependent", is_flag=True, help="Stop when the starting process has ended.")
def main(  # noqa: PLR0913 one for each option
    *,
    data: Path,
    clients: int | None,
    control: bool,
    fresh: bool,
    durable: bool,
    port_base: int | None,
    ready_file: Path | None,
    dependent: bool,
) -> None:
    """A whole brokerage on one machine: an ERP database and the vendors' servers, on loopback, with invented
    clients.
    """
    if dependent:
        die_with_parent(signal.SIGTERM, os.getppid())
    with progress_bar() as progress:
        box = Box(
            data,
            clients,
            control=control,
            fresh=fresh,
            durable=durable,
            progress=progress,
            tell=lambda step: click.echo(step, err=True),
            port_base=port_base,
            ready_file=ready_file,
        )
        try:
            asyncio.run(run(box))
        except (DataFolderInUseError, SeedMismatchError, PostgresError, NoIdentityError) as error:
            raise click.ClickException(str(error)) from error


async def run(box: Box) -> None:
    """Run the sandbox until TERM or INT. These signals also end a load."""
    told_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    work = asyncio.create_task(_work(box))
    stop = asyncio.create_task(told_to_stop.wait())
    await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work


async def _work(box: Box) -> None:
    async with box:
        click.echo(f"The sandbox is ready: {box.ready_file}", err=True)
        await asyncio.Event().wait()


@contextlib.contextmanager
def progress_bar() -> Iterator[seed.Progress]:
    """The progress of large loads: a bar on a terminal, lines elsewhere."""
    bars = contextlib.ExitStack()
    advance = None

    def show(done: int, total: int) -> None:
        nonlocal advance
        if total < BAR_FROM_CLIENTS:
            return
        if not sys.stderr.isatty():
            if done * LINES // total > (done - seed.CHUNK_CLIENTS) * LINES // total:
                click.echo(f"Loaded {done:,} of {total:,} clients.", err=True)
            return
        if advance is None:
            bar = click.progressbar(length=total, label="Loading clients", file=sys.stderr)
            advance = bars.enter_context(bar)
        advance.update(done - advance.pos)
        if done == total:
            bars.close()

    with bars:
        yield show


if __name__ == "__main__":
    main(prog_name="python -m sandbox")

from __future__ import annotations

from pathlib import Path

import click

from api.cli.common import config_option, run_async, settings_file, settings_from


@click.command()
@config_option
@click.option("--host", default=None, help="Address to listen on; default: [server] host.")
@click.option("--port", type=click.IntRange(0, 65535), envvar="BROKERGRAPH_PORT", help="Default: [server] port.")
@click.option("--workers", type=click.IntRange(1), default=None, help="Processes; default: [server] workers.")
def command(config: Path | None, host: str | None, port: int | None, workers: int | None) -> None:
    """Serve the graph with the systems of the settings. Run `brokergraph migrate` first."""
    from api.cli.listening import listening
    from api.cli.server import serve, serve_in
    from api.services import check_openable

    settings = settings_from(config)
    # Before the server listens, and once for all workers.
    run_async(check_openable)(settings)
    server = settings.server
    processes = workers or server.workers
    with listening(host or server.host, server.port if port is None else port) as listener:
        # One process cannot replace itself.
        if processes == 1 and not server.reload_on_change:
            serve(settings, listener)
        else:
            serve_in(processes, settings, settings_file(config), listener)

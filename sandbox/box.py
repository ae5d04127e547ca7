"""The sandbox: PostgreSQL with an ERP, a server for each vendor, and the synchroniser between ERP and vendors."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncpg

from sandbox import box_control, box_settings, database, seed
from sandbox.postgres import Postgres
from sandbox.settings import GRAPH_ROLE
from sandbox.synchroniser import synchronising
from sandbox.vendors import VENDORS, start_vendors
from sandbox.vendors.serving import Listener, listening

_POOL_CONNECTIONS = 20
_CONTROL_PORTS_FROM = 10
"""The ports of the vendors from the base port on. The control port of each vendor is ten higher."""


class Box:
    """Runs in `async with Box(folder) as box`. `box.settings_path` is the settings file for the graph.

    `clients` None uses the clients of the folder, or the default number in an empty folder. `control` opens the control
    ports. `tell` gets a sentence for each step of the start. `durable` False is for tests: a crash of the whole machine
    may then lose data.
    """

    def __init__(  # noqa: PLR0913 each is a choice of the command line
        self,
        data: Path,
        clients: int | None = None,
        *,
        control: bool = False,
        fresh: bool = False,
        durable: bool = True,
        progress: seed.Progress = seed.quiet,
        tell: Callable[[str], None] = lambda _step: None,
        port_base: int | None = None,
        ready_file: Path | None = None,
    ) -> None:
        self.data = data.absolute()
        self.postgres = Postgres(self.data, durable=durable)
        self.settings_path = self.data / "brokergraph.toml"
        self.ready_file = self.data / "ready.json" if ready_file is None else ready_file.absolute()
        self.urls: dict[str, str] = {}
        self.control_urls: dict[str, str] = {}
        self._fingerprint = ""
        self._clients = clients
        self._control = control
        self._fresh = fresh
        self._progress = progress
        self._tell = tell
        self._ports = _ports(port_base)
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            self._tell("Starting PostgreSQL ...")
            await stack.enter_async_context(self.postgres)
            await database.fill(
                self.postgres, self._clients, fresh=self._fresh, progress=self._progress, tell=self._tell
            )
            pool = await self._open_pool(stack)
            self._tell("Starting the vendors' servers ...")
            await self._open_vendors(stack, pool)
            await self._open_control(stack, pool)
            await stack.enter_async_context(synchronising(pool))
            self._announce(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def database_url(self) -> str:
        """The address of the database for the sandbox itself, with every permission."""
        return self.postgres.url

    @property
    def graph_database_url(self) -> str:
        """The address of the database for the graph, which reads the ERP's views and owns its own schema."""
        return self.postgres.url_of(GRAPH_ROLE)

    async def _open_pool(self, stack: contextlib.AsyncExitStack) -> "asyncpg.Pool[asyncpg.Record]":
        pool = await asyncpg.create_pool(self.database_url, min_size=1, max_size=_POOL_CONNECTIONS)
        stack.push_async_callback(_close, pool)
        return pool

    async def _open_vendors(self, stack: contextlib.AsyncExitStack, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        vendors = await stack.enter_async_context(start_vendors(pool, control=self._control, ports=self._ports))
        self.urls = dict(vendors.urls)
        self.control_urls = dict(vendors.control_urls)
        self._fingerprint = vendors.fingerprint

    async def _open_control(self, stack: contextlib.AsyncExitStack, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        if not self._control:
            return
        desk = Listener(box_control.build_box_control(self.postgres, pool), self._ports.get("box_control", 0))
        await stack.enter_async_context(listening(desk))
        self.control_urls["box"] = desk.url

    def _announce(self, stack: contextlib.AsyncExitStack) -> None:
        box_settings.write(
            self.settings_path,
            database_url=self.graph_database_url,
            urls=self.urls,
            fingerprint=self._fingerprint,
        )
        addresses = {
            "urls": self.urls,
            "control_urls": self.control_urls,
            "database_url": self.database_url,
            "graph_database_url": self.graph_database_url,
            "settings_path": str(self.settings_path),
        }
        box_settings.write_private(self.ready_file, json.dumps(addresses, indent=2))
        # A file of an earlier run would wrongly report that the sandbox is ready.
        stack.callback(self.ready_file.unlink, missing_ok=True)


def _ports(base: int | None) -> dict[str, int]:
    if base is None:
        return {}
    names = [*VENDORS, "box"]
    fronts = {name: base + place for place, name in enumerate(VENDORS)}
    return fronts | {f"{name}_control": base + _CONTROL_PORTS_FROM + place for place, name in enumerate(names)}


async def _close(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    """Close the pool without waiting for statements that hang on purpose."""
    try:
        async with asyncio.timeout(1):
            await pool.close()
    except TimeoutError:
        pool.terminate()

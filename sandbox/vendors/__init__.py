"""The vendor servers: small stand-ins with the vendors' wire formats, which can simulate faults for tests."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module

from starlette.applications import Starlette

from sandbox.vendors import control, tables
from sandbox.vendors.certificate import make_certificate
from sandbox.vendors.hyper import tokens as hyper_tokens
from sandbox.vendors.misbehaviour import Misbehaving
from sandbox.vendors.serving import LOOPBACK, Listener, listening
from sandbox.vendors.state import Pool, VendorState
from sandbox.vendors.switchboard import VENDORS, Switch

__all__ = ["VENDORS", "VendorState", "Vendors", "start_vendors"]

WITH_TLS = frozenset({"mt5_web"})
UNHAMPERED_REQUESTS_PER_MINUTE = 100_000
"""Hyper's documented default of 20 a minute would slow down every other test."""


@dataclass(frozen=True, slots=True)
class Vendors:
    """The running vendors: addresses by name, and the controls for tests in the same process."""

    state: VendorState
    urls: dict[str, str] = field(default_factory=dict)
    control_urls: dict[str, str] = field(default_factory=dict)
    fingerprint: str = ""
    """Of the certificate of the vendors with TLS."""


@contextlib.asynccontextmanager
async def start_vendors(
    pool: Pool,
    *,
    control: bool,
    ports: Mapping[str, int] | None = None,
    hyper_requests_per_minute: int = UNHAMPERED_REQUESTS_PER_MINUTE,
) -> AsyncIterator[Vendors]:
    """Start each vendor on its own loopback port. 0 or no entry in `ports` means any free port.

    The port of a control app has the name "<vendor>_control".
    """
    state = VendorState(pool)
    state.switchboard["hyper"].default(requests_per_minute=hyper_requests_per_minute)
    await tables.create_tables(pool)
    await hyper_tokens.create_first_pair(pool)
    asked = ports or {}
    certificate = make_certificate(LOOPBACK)
    fronts = {
        name: _front(state, name, asked.get(name, 0), certificate.context if name in WITH_TLS else None)
        for name in VENDORS
    }
    desks = {name: _desk(state, name, asked.get(f"{name}_control", 0)) for name in VENDORS if control}
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(listening(*fronts.values(), *desks.values()))
        yield Vendors(
            state,
            {name: listener.url for name, listener in fronts.items()},
            {name: listener.url for name, listener in desks.items()},
            certificate.fingerprint,
        )


def _front(state: VendorState, name: str, port: int, tls: ssl.SSLContext | None) -> Listener:
    switch = state.switchboard[name]
    listener = Listener(Misbehaving(import_module(VENDORS[name]).build(state), switch), port, tls)
    _let_refuse(switch, listener)
    return listener


def _desk(state: VendorState, name: str, port: int) -> Listener:
    return Listener(control_app(state, name), port)


def control_app(state: VendorState, name: str) -> Starlette:
    return control.build_control(state.switchboard[name], state.clock)


def _let_refuse(switch: Switch, listener: Listener) -> None:
    """Make a vendor refuse connections: its port is closed until the reset, or for the time of the fault."""
    waiting: set[asyncio.Task[None]] = set()

    async def shut(seconds: float | None) -> None:
        await listener.close()
        if seconds is not None:
            task = asyncio.create_task(_reopen_later(listener, seconds))
            waiting.add(task)
            task.add_done_callback(waiting.discard)

    async def reopen() -> None:
        for task in list(waiting):
            task.cancel()
        await listener.open()

    switch.shut = shut
    switch.reopen = reopen


async def _reopen_later(listener: Listener, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await listener.open()

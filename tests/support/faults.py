"""Faults of the database at one statement of one command, which the command's idempotency key asks for.

So one server serves hundreds of cases at the same time: the plan travels with the command's own task.
"""

import inspect
import itertools
import uuid
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from core.errors import DatabaseFailure
from upstreams.postgres.failures import SQLSTATE_CLASSES, SQLSTATES, classify
from upstreams.state import write_access
from upstreams.state.instructions import Ledger

_MARK = "fault"


def _sqlstates():
    """A code of each class that an error can have, and every code that is classed by itself."""
    classes = {code: f"{code}000" for code in SQLSTATE_CLASSES if code not in ("00", "01", "02")}
    return [*classes.values(), *SQLSTATES, "08007", "40P01", "55P03", "57P01", "53300"]


def _driver_errors():
    """The driver's exception classes that have no SQLSTATE of their own."""
    for _, kind in inspect.getmembers(asyncpg.exceptions, inspect.isclass):
        if issubclass(kind, Exception) and not issubclass(kind, asyncpg.PostgresError | Warning):
            yield kind.__name__


DRIVER_ERRORS = sorted({*_driver_errors(), "ConnectionResetError", "TimeoutError", "IncompleteReadError"})
FAULTS = [*dict.fromkeys(_sqlstates()), *DRIVER_ERRORS]


def error_of(name):
    """The exception as the driver raises it."""
    if name == "IncompleteReadError":
        return EOFError("raised on purpose")
    if name in ("ConnectionResetError", "TimeoutError"):
        return {"ConnectionResetError": ConnectionResetError, "TimeoutError": TimeoutError}[name]("raised on purpose")
    if name in DRIVER_ERRORS:
        return getattr(asyncpg.exceptions, name)("raised on purpose")
    return asyncpg.PostgresError.new({"C": name, "M": "raised on purpose"})


@dataclass
class Plan:
    """Raise `fault` at statement number `at`, counted from the look-up of the key, and at the `times - 1` after it.

    `after`: the statement is done, and only its answer is lost; for failures that leave this open.
    """

    fault: str
    at: int
    times: int = 1
    after: bool = False

    @property
    def key(self):
        """An idempotency key that asks for this."""
        return "|".join((_MARK, self.fault, str(self.at), str(self.times), str(int(self.after)), str(uuid.uuid4())))

    @classmethod
    def of(cls, key):
        if not key.startswith(f"{_MARK}|"):
            return None
        _, fault, at, times, after, _ = key.split("|")
        return cls(fault, int(at), int(times), after == "1")

    @property
    def loses_the_connection(self):
        return classify(error_of(self.fault)) is DatabaseFailure.LOST


def plans(last_statement):
    """Every fault at every statement; where it leaves open what was done, before and after it was done."""
    for fault, at, times in itertools.product(FAULTS, range(1, last_statement + 1), (1, 3)):
        plan = Plan(fault, at, times)
        yield plan
        if plan.loses_the_connection:
            yield Plan(fault, at, times, after=True)


class _Running:
    def __init__(self, key, plan, noted):
        self.key, self.plan, self.noted, self.statement = key, plan, noted, 0

    def hits(self):
        self.statement += 1
        return self.plan.at <= self.statement < self.plan.at + self.plan.times

    def note(self):
        with self.noted.open("a") as file:
            file.write(f"{self.key}\n")


_running: ContextVar[_Running | None] = ContextVar("running", default=None)


def arm(noted):
    """Raise, in this process, what the keys of commands ask for."""
    # One command's refusal must not keep the others from their own faults.
    write_access.REFUSED_SECONDS = 0.0
    by_key = Ledger.by_key

    async def armed_by_key(ledger, principal, key):
        if _running.get() is None and (plan := Plan.of(key)) is not None:
            _running.set(_Running(key, plan, Path(noted)))
        return await by_key(ledger, principal, key)

    Ledger.by_key = armed_by_key
    for name in ("fetch", "fetchrow", "execute"):
        setattr(asyncpg.Connection, name, _hurt(getattr(asyncpg.Connection, name)))


def _hurt(method):
    async def wrapper(connection, *args, **kwargs):
        running = _running.get()
        if running is None or not running.hits():
            return await method(connection, *args, **kwargs)
        running.note()
        if running.plan.after:
            await method(connection, *args, **kwargs)
        if running.plan.loses_the_connection:
            connection.terminate()
        raise error_of(running.plan.fault)

    return wrapper

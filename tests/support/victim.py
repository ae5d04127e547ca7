"""`main(SETTINGS, PORT, [WEAPON, ARGUMENT])`: the graph as production runs it, with a way to die or to be hurt.

Weapons: `step NAME` dies when the step is passed; `line N` dies at the N-th line of our own code after a mutation came
in; `fail N` breaks the connection before the N-th statement after that, `lose N` right after it; `clock SECONDS` makes
the process's clocks jump; `faults FILE` raises what each command's idempotency key asks for (`faults.py`) and notes in
the file which it raised. Death is SIGKILL.
"""

import inspect
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

import asyncpg

from api.cli.common import settings_from
from api.cli.listening import listening
from api.cli.server import serve
from core.clock import Clock
from instructions.failpoints import Failpoint, hook
from support.faults import arm

ROOT = Path(__file__).parent.parent.parent
OURS = tuple(str(ROOT / package) for package in ("api", "resolvers", "instructions", "upstreams", "core"))


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def at_step(name):
    def passed(step):
        if step.name == name:
            die()

    hook.call = passed


def at_line(number):
    """Count lines from the moment in which a mutation's first step is passed."""
    left = number

    def trace(frame, event, _argument):
        nonlocal left
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        if event == "line":
            left -= 1
            if left <= 0:
                die()
        return trace

    def passed(step):
        if step is Failpoint.ASKED:
            hook.call = None
            sys.settrace(trace)
            frame = inspect.currentframe()
            while frame is not None:
                frame.f_trace = trace
                frame = frame.f_back

    hook.call = passed


def at_statement(number, *, after):
    """Cut the connection at a statement, before it reaches the database or after it was done."""
    left, armed = number, False

    def passed(step):
        nonlocal armed
        armed = armed or step is Failpoint.ASKED

    hook.call = passed

    def hurt(method):
        async def wrapper(self, *args, **kwargs):
            nonlocal left
            left -= armed
            if not armed or left != 0:
                return await method(self, *args, **kwargs)
            if after:
                await method(self, *args, **kwargs)
            self.terminate()
            raise asyncpg.ConnectionDoesNotExistError("cut on purpose")

        return wrapper

    for name in ("fetch", "fetchrow", "execute"):
        setattr(asyncpg.Connection, name, hurt(getattr(asyncpg.Connection, name)))


def at_clock(seconds):
    """The process's clocks jump once a mutation came in."""
    jumped = 0.0
    now, monotonic = Clock.now, Clock.monotonic

    def passed(step):
        nonlocal jumped
        if step is Failpoint.CHECKED:
            jumped = seconds

    hook.call = passed
    Clock.now = lambda clock: now(clock) + timedelta(seconds=jumped)
    Clock.monotonic = lambda clock: monotonic(clock) + max(jumped, 0.0)


WEAPONS = {
    "step": at_step,
    "line": lambda number: at_line(int(number)),
    "clock": lambda number: at_clock(float(number)),
    "fail": lambda number: at_statement(int(number), after=False),
    "lose": lambda number: at_statement(int(number), after=True),
    "faults": arm,
}


def main(settings, port, weapon=None, argument=None):
    if weapon is not None:
        WEAPONS[weapon](argument)
    serve(settings_from(Path(settings)), listening("127.0.0.1", int(port)))

"""Processes of servers, forked off one that has imported everything already: by itself each would spend more on its
imports than most tests do on all else. tests/integration/serve starts servers as users do.
"""

import multiprocessing
import os
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["api.cli", "api.cli.server"])


def forked(target: Callable[..., object], *arguments: object, environment: Mapping[str, str], log: Path) -> BaseProcess:
    """`target` in a process with this environment; both must be picklable. Its exit code is negative after a signal."""
    process = _context.Process(target=_run, args=(dict(environment), log, target, arguments))
    process.start()
    return process


def _run(environment, log, target, arguments):
    os.environ.clear()
    os.environ.update(environment)
    with log.open("ab") as written:
        os.dup2(written.fileno(), 2)
    target(*arguments)

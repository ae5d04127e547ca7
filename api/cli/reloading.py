"""Replaces the workers of a server, one after the other, after HUP and after a change of the files of the settings."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from socket import socket
from typing import Final

import structlog
import uvicorn
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from api.draining import REPLACED
from api.services import check_openable
from api.settings.settings import Settings, load_settings
from core.errors import ConfigError, UpstreamError

log = structlog.get_logger(__name__)

_EVERY_SECONDS: Final = 1.0
# After a reload that failed, for example because a database was away.
_AGAIN_SECONDS: Final = 30.0
# The time in which a new worker has to be ready.
_START_SECONDS: Final = 30.0
# How long a signal to stop may wait for a worker that starts.
_SIGNAL_SECONDS: Final = 1.0

State = dict[Path, tuple[int, ...] | None]


class Supervisor(Multiprocess):
    """The parent of the workers. Wrong settings leave the workers as they are."""

    def __init__(
        self, settings: Settings, config: Path | None, options: Callable[[Settings], uvicorn.Config], listener: socket
    ) -> None:
        self._config = config
        self._options = options
        self._watch: FileWatch | None = None
        if settings.server.reload_on_change:
            files: set[Path] = set()
            load_settings(config, read=files)
            self._watch = FileWatch(files)
        super().__init__(options(settings), sockets=[listener])

    def handle_signals(self) -> None:
        super().handle_signals()
        if self._watch is not None and self._watch.has_changed():
            log.info("reload.files_changed")
            self.restart_all()

    def restart_all(self) -> None:
        """Replace each worker by one with the present settings, if they are right."""
        settings = self._present_settings()
        if settings is None:
            return
        self.config = self._options(settings)
        if all(map(self._replace, range(len(self.processes)))):
            log.info("reload.done", workers=len(self.processes))
        elif not self._is_stopping:
            log.error("reload.failed")
            if self._watch is not None:
                self._watch.repeat()

    @property
    def _is_stopping(self) -> bool:
        """Whether a signal to stop waits for the end of the reload."""
        return not {signal.SIGTERM, signal.SIGINT}.isdisjoint(self.signal_queue)

    def _replace(self, index: int) -> bool:
        """Replace a worker by one that is ready. Unlike uvicorn's own method, this one tells the worker of it."""
        if self._is_stopping:
            return False
        worker, new = self.processes[index], Process(self.config, self.sockets)
        new.start()
        if not self._becomes_ready(new):
            new.kill()
            new.join()
            return False
        assert worker.pid is not None, "it was started"
        # A worker that has just died is not told.
        with suppress(ProcessLookupError):
            os.kill(worker.pid, REPLACED)
        worker.terminate()
        worker.join()
        self.processes[index] = new
        return True

    def _becomes_ready(self, new: Process) -> bool:
        """Wait for a new worker. A signal to stop ends the wait within a second."""
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_stopping and new.process.is_alive() and time.monotonic() < deadline:
            if new.wait_until_ready(_SIGNAL_SECONDS):
                return True
        return False

    def _present_settings(self) -> Settings | None:
        files: set[Path] = set()
        try:
            settings = load_settings(self._config, read=files)
            asyncio.run(check_openable(settings))
        except (ConfigError, UpstreamError) as error:
            # The message says all. A traceback would only show how the settings are read.
            log.error("reload.refused", reason=str(error))  # noqa: TRY400
            return None
        except Exception:
            # The workers need their parent, whatever is wrong with a file.
            log.exception("reload.refused", reason="The settings could not be checked.")
            return None
        finally:
            # A file that is absent now may come later.
            if self._watch is not None:
                self._watch.add(files)
        return settings


class FileWatch:
    """Tells of changes to files. It asks for each file's state, because a mounted secret of Kubernetes changes by the
    swap of a link, of which notifications do not tell.
    """

    def __init__(self, files: Iterable[Path], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known = self._seen = state_of(files)
        self._next = clock() + _EVERY_SECONDS

    def has_changed(self) -> bool:
        """Whether the files have changed, and did not change in the last interval: a writer has finished."""
        if self._clock() < self._next:
            return False
        self._next = self._clock() + _EVERY_SECONDS
        before, self._seen = self._seen, state_of(self._known)
        if self._seen == self._known or self._seen != before:
            return False
        self._known = self._seen
        return True

    def add(self, files: set[Path]) -> None:
        """Watch these files, too. A change of a known file since the last answer still counts."""
        self._known = self._seen = self._known | state_of(files - self._known.keys())

    def repeat(self) -> None:
        """Tell of a change once more, after some time."""
        self._known = dict.fromkeys(self._known, ())
        self._next = self._clock() + _AGAIN_SECONDS


def state_of(files: Iterable[Path]) -> State:
    """The identity and time of each file, or of what a link leads to. None: there is no such file."""
    return {path: _state(path) for path in files}


def _state(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size

"""The services of a compose file, by podman: Debian has no compose that knows all options used here."""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from support.containers import podman

PATIENCE_SECONDS = 90


class Composition:
    """Running services of a compose file; a container's name is `project-service`."""

    def __init__(self, path: Path, project: str) -> None:
        self._folder = path.parent
        self._project = project
        self.services: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text())["services"]
        self._started: list[str] = []

    def name(self, service: str) -> str:
        return f"{self._project}-{service}"

    def start(self, service: str) -> None:
        """Start the service after those that it depends on, unless it was started."""
        if service in self._started:
            return
        for other, wanted in self.services[service].get("depends_on", {}).items():
            self.start(other)
            self._wait(other, wanted["condition"])
        self._started.append(service)
        podman("run", "--detach", "--name", self.name(service), *self.options(service))

    def options(self, service: str) -> list[str]:
        """The options of `podman run` for the service, its image and its command."""
        told = self.services[service]
        words = ["--read-only", "--read-only-tmpfs=false"] if told["read_only"] else []
        for option, key in (("--cap-drop", "cap_drop"), ("--security-opt", "security_opt"), ("--tmpfs", "tmpfs")):
            words += [f"{option}={value.removesuffix(':true')}" for value in told[key]]
        words += [f"--user={told['user']}"]
        words += [f"--env={name}={value}" for name, value in told.get("environment", {}).items()]
        words += [f"--volume={self._source(volume)}" for volume in told.get("volumes", [])]
        # Any free port of this machine.
        words += [f"--publish=127.0.0.1::{port.rpartition(':')[2]}" for port in told.get("ports", [])]
        if mode := told.get("network_mode"):
            words += [f"--network=container:{self.name(mode.removeprefix('service:'))}"]
        words += self._health(told.get("healthcheck", {}))
        return [*words, f"localhost/{told['image']}", *told.get("command", [])]

    def _source(self, volume: str) -> str:
        source, _, rest = volume.partition(":")
        return f"{self._folder / source if source.startswith('.') else self.name(source)}:{rest}"

    @staticmethod
    def _health(check: dict[str, Any]) -> list[str]:
        if check.get("disable"):
            return ["--no-healthcheck"]
        # podman adds the first word, CMD, itself.
        return [f"--health-cmd={json.dumps(check['test'][1:])}"] if "test" in check else []

    def _wait(self, service: str, condition: str) -> None:
        if condition == "service_completed_successfully":
            assert self.exit_code(service) == 0, self.log(service)
        if condition == "service_healthy":
            self.wait_until_healthy(service)

    def wait_until_healthy(self, service: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while podman("healthcheck", "run", self.name(service), check=False).returncode != 0:
            assert time.monotonic() < deadline, self.log(service)
            time.sleep(0.2)

    def exit_code(self, service: str) -> int:
        """Wait for the end of the service."""
        return int(podman("wait", self.name(service)).stdout)

    def log(self, service: str) -> str:
        done = podman("logs", "--tail", "40", self.name(service))
        return done.stdout + done.stderr

    def remove(self) -> None:
        """Remove all containers and volumes."""
        volumes = {volume.partition(":")[0] for told in self.services.values() for volume in told.get("volumes", [])}
        own = [self.name(volume) for volume in volumes if not volume.startswith(".")]
        _remove([self.name(service) for service in reversed(self._started)], own)

    def run_in(self, service: str, *command: str) -> str:
        return podman("exec", self.name(service), *command).stdout

    def url(self, service: str, port: int) -> str:
        return f"http://{podman('port', self.name(service), str(port)).stdout.strip()}"


def remove_abandoned(prefix: str) -> None:
    """Remove what runs that were killed have left. The name of a project is the prefix and the process's number."""

    def abandoned(*listing: str) -> list[str]:
        names = podman(*listing).stdout.split()
        owners = {name: re.match(rf"{prefix}-(\d+)-", name) for name in names}
        return [name for name, owner in owners.items() if owner and not _runs(int(owner[1]))]

    _remove(abandoned("ps", "--all", "--format", "{{.Names}}"), abandoned("volume", "ls", "--format", "{{.Name}}"))


def _runs(process: int) -> bool:
    return process != os.getpid() and Path(f"/proc/{process}").exists()


def _remove(containers: list[str], volumes: list[str]) -> None:
    # One command for all, which kills them: their data are removed as well.
    if containers:
        podman("rm", "--force", "--depend", "--time", "0", "--volumes", *containers, check=False)
    if volumes:
        podman("volume", "rm", "--force", *volumes, check=False)


@contextmanager
def composed(path: Path, prefix: str) -> Iterator[Composition]:
    remove_abandoned(prefix)
    composition = Composition(path, f"{prefix}-{os.getpid()}")
    try:
        yield composition
    finally:
        composition.remove()

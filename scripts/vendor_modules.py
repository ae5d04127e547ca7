"""The dashboard's modules of others: unmodified files of npm packages in api/pages/dashboard/vendor.

    python scripts/vendor_modules.py            fetch the packages by npm, and write the files and their hashes
    python scripts/vendor_modules.py --check    compare the files with vendor.json; needs no network

For another version edit vendor.json, then fetch.
"""

import argparse
import hashlib
import io
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any, Final

VENDOR: Final = Path(__file__).parent.parent / "api" / "pages" / "dashboard" / "vendor"
LIST: Final = "vendor.json"
# The build writes compressed siblings beside the files: api/pages/siblings.py
SIBLINGS: Final = {".br", ".gz"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare the files with the list, without a network")
    if not parser.parse_args().check:
        fetch(VENDOR)
    if problems := differences(VENDOR):
        raise SystemExit("\n".join(problems))


def fetch(folder: Path) -> None:
    """Write the listed files of each package, and their hashes into the list."""
    packages = _packages(folder)
    for package in packages:
        with tarfile.open(fileobj=io.BytesIO(_tarball(package))) as archive:
            _check_licence(package, json.loads(_content(archive, "package.json")))
            for name in package["files"]:
                content = _content(archive, name)
                package["files"][name] = hashlib.sha256(content).hexdigest()
                path = folder / _place(package, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    (folder / LIST).write_text(json.dumps(packages, indent=2) + "\n", encoding="utf-8")


def differences(folder: Path) -> list[str]:
    """The files that are not as the list says: changed, missing or not in the list."""
    expected = {_place(one, name): digest for one in _packages(folder) for name, digest in one["files"].items()}
    found = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != LIST and path.suffix not in SIBLINGS
    }
    names = sorted(expected.keys() | found.keys())
    return [f"{name} is not as {LIST} says" for name in names if expected.get(name) != found.get(name)]


def _place(package: dict[str, Any], name: str) -> str:
    """The package's files are beside each other, because builds of Python packages leave folders named dist out."""
    return f"{package['package']}/{name.rpartition('/')[2]}"


def _packages(folder: Path) -> list[dict[str, Any]]:
    packages: list[dict[str, Any]] = json.loads((folder / LIST).read_text(encoding="utf-8"))
    return packages


def _tarball(package: dict[str, Any]) -> bytes:
    """The package as npm publishes it. npm checks its integrity; its scripts do not run."""
    with tempfile.TemporaryDirectory() as work:
        command = ["npm", "pack", "--silent", "--ignore-scripts", f"{package['package']}@{package['version']}"]
        subprocess.run(command, cwd=work, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - npm as found.
        (path,) = Path(work).glob("*.tgz")
        return path.read_bytes()


def _content(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(f"package/{name}")
    assert file is not None, f"{name} is a file"
    return file.read()


def _check_licence(package: dict[str, Any], described: dict[str, Any]) -> None:
    if described["license"] != package["licence"]:
        raise SystemExit(f"{package['package']}: the licence is {described['license']}, {LIST} says otherwise")


if __name__ == "__main__":
    main()

"""Compressed siblings of static files, made when brokergraph is built: `page.js.br` and `page.js.gz` beside `page.js`.

This module imports only the standard library and brotli, because a build has nothing else.
"""

import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import brotli  # type: ignore[import-untyped]

# The content codings of HTTP, and the suffix of each sibling.
SUFFIXES: Final = {"br": ".br", "gzip": ".gz"}
# Pictures and .woff2 files are compressed already.
COMPRESSIBLE: Final = frozenset(
    {".css", ".html", ".ico", ".js", ".json", ".map", ".md", ".mjs", ".svg", ".ttf", ".txt", ".wasm", ".xml"}
)
# A smaller file fits into the first packets of an answer either way.
LEAST_BYTES: Final = 1024
# brotli's best quality takes a second for each 600 kB. The next one is ten times as fast and 8 % larger.
BEST_QUALITY_BYTES: Final = 256 * 1024


def write_siblings(folder: Path) -> None:
    """Compress each file of the folder and of its subfolders. Remove siblings whose file no longer exists."""
    for sibling in _siblings(folder):
        if not sibling.with_suffix("").exists():
            sibling.unlink()
    for path in _files(folder):
        if path.suffix in COMPRESSIBLE and path.stat().st_size >= LEAST_BYTES and not _are_fresh(path):
            _write(path)


def sibling_of(path: Path, coding: str) -> Path:
    """The name of the file's sibling in this coding."""
    return path.with_name(path.name + SUFFIXES[coding])


def is_fresh(path: Path, sibling: Path) -> bool:
    """Whether the sibling exists and is not older than its file."""
    try:
        return sibling.stat().st_mtime_ns >= path.stat().st_mtime_ns
    except FileNotFoundError:
        return False


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))


def _siblings(folder: Path) -> list[Path]:
    return [path for path in _files(folder) if path.suffix in SUFFIXES.values()]


def _are_fresh(path: Path) -> bool:
    return all(is_fresh(path, sibling_of(path, coding)) for coding in SUFFIXES)


def _write(path: Path) -> None:
    """Write both siblings under another name first, because a server may be reading."""
    content, written = path.read_bytes(), path.stat().st_mtime_ns
    quality = 11 if len(content) <= BEST_QUALITY_BYTES else 9
    compressed = {"br": brotli.compress(content, quality=quality), "gzip": gzip.compress(content, mtime=0)}
    for coding, body in compressed.items():
        unfinished = path.with_name(f".{path.name}{SUFFIXES[coding]}")
        unfinished.write_bytes(body)
        os.utime(unfinished, ns=(written, written))
        unfinished.replace(sibling_of(path, coding))

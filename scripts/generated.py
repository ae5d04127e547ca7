"""Files that scripts make from the code: written, or compared with --check."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path


def write_or_check(files: Mapping[Path, Callable[[], str]], command: str, *, check: bool) -> int:
    """Write the files. With `check`, name those that differ, and write none. Returns the exit status."""
    stale = 0
    for path, make in files.items():
        text = make()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if check:
            place = path.relative_to(Path(__file__).parent.parent)
            sys.stderr.write(f"{place} is not what the code says: run `{command}`.\n")
            stale = 1
        else:
            path.write_text(text, encoding="utf-8")
    return stale

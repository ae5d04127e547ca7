"""Writes the pages of docs/ that are made from the code: python scripts/docs_reference.py [--check]

`make docs-reference` runs this script, and a test runs it with --check.
"""

import sys
from pathlib import Path

HOUSE = Path(__file__).parent.parent
sys.path.insert(0, str(HOUSE))

import docs_schema  # noqa: E402 - this project is not on the path of a script.
import docs_settings  # noqa: E402

PAGES = {"settings.md": docs_settings.page, "schema.md": docs_schema.page}


def main(*, check: bool) -> int:
    """Write the pages. With `check`, name those that differ, and write none."""
    stale = 0
    for name, make in PAGES.items():
        path, text = HOUSE / "docs" / name, make()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if check:
            sys.stderr.write(f"docs/{name} is not what the code says: run `make docs-reference`.\n")
            stale = 1
        else:
            path.write_text(text, encoding="utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv))

"""Writes the pages of docs/ that are made from the code: python scripts/docs_reference.py [--check]

`make docs-reference` runs this script, and a test runs it with --check.
"""

import sys
from pathlib import Path

HOUSE = Path(__file__).parent.parent
sys.path.insert(0, str(HOUSE))

import docs_schema  # noqa: E402 - this project is not on the path of a script.
import docs_settings  # noqa: E402
from generated import write_or_check  # noqa: E402

DOCS = HOUSE / "docs"
PAGES = {DOCS / "settings.md": docs_settings.page, DOCS / "schema.md": docs_schema.page}


if __name__ == "__main__":
    sys.exit(write_or_check(PAGES, "make docs-reference", check="--check" in sys.argv))

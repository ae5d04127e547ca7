"""Fails if pytest's report tells of a skipped test, and names each: `.ci/no_skips.py tests.xml`."""

import sys
from pathlib import Path
from xml.etree import ElementTree as ET

# Tests that may be skipped, and why.
ALLOWED = {"test_an_overlay_is_rendered_and_valid": "no package of Debian has kubectl"}


def skipped(report: Path) -> list[str]:
    cases = ET.parse(report).getroot().iter("testcase")  # noqa: S314 - our own pytest wrote it.
    return [
        f"{case.get('classname')}::{case.get('name')}: {skip.get('message')}"
        for case in cases
        for skip in case.findall("skipped")
        # An expected failure is reported as a skip, too, but was run.
        if skip.get("type") == "pytest.skip" and case.get("name", "").partition("[")[0] not in ALLOWED
    ]


if __name__ == "__main__":
    names = skipped(Path(sys.argv[1]))
    if names:
        raise SystemExit("\n".join(["Tests were skipped, which CI does not allow:", *names]))

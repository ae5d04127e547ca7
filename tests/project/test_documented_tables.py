"""The tables that operators and callers look things up in have all that the code has."""

import re
from http import HTTPStatus
from pathlib import Path

HOUSE = Path(__file__).parents[2]


def section(document: str, heading: str) -> str:
    return (HOUSE / "docs" / document).read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_every_status_that_the_server_has_a_name_for_is_among_the_callers():
    code = "".join(path.read_text() for path in (HOUSE / "api").rglob("*.py"))
    named = {str(HTTPStatus[name].value) for name in re.findall(r"HTTPStatus\.([A-Z_]+)", code)}
    told = section("http.md", "Statuses")

    assert named - set(re.findall(r"\b[2-5][0-9]{2}\b", told)) == set()

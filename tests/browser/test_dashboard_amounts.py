"""Amounts as texts: grouped for people, and typed by people."""

import json
import subprocess
from pathlib import Path

import pytest
from support.node import start_module

FILES = Path(__file__).parents[2] / "api" / "pages" / "dashboard"
GROUPED = {
    "0": "0",
    "0.00000001": "0.00000001",
    "999": "999",
    "1000": "1,000",
    "-1000.50": "-1,000.50",
    "-100.00": "-100.00",
    "123456.789": "123,456.789",
    # A number of JavaScript would change the last digits.
    "123456789012345678.12345678": "123,456,789,012,345,678.12345678",
}
TYPED = {
    "1,025.50": "1025.50",
    " 10 000 ": "10000",
    "1,000,000": "1000000",
    "1.5": "1.5",
    "1e3": "1e3",
    "abc": "abc",
    # A person of many countries means a decimal comma.
    "25,50": "25,50",
    "0,125": "0,125",
    "1,5": "1,5",
    "1,025": "1,025",
    "1 025": "1025",
    "1.025,50": "1.025,50",
    "25 50": "25 50",
}


@pytest.fixture(scope="module")
def found() -> tuple[list[str], list[str]]:
    """What the module makes of all cases, in one process."""
    cases = f"[{json.dumps(list(GROUPED))}.map(grouped), {json.dumps(list(TYPED))}.map(typed)]"
    source = f"import {{ grouped, typed }} from './money.js'; console.log(JSON.stringify({cases}))"
    with start_module(source, FILES, {}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        written, _ = process.communicate(timeout=60)
    grouped, typed = json.loads(written)
    return grouped, typed


def test_thousands_are_apart_and_every_digit_stays(found):
    assert found[0] == list(GROUPED.values())


def test_what_a_person_types_loses_only_what_separates_thousands(found):
    assert found[1] == list(TYPED.values())

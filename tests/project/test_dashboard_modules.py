"""The dashboard's files: amounts stay texts, languages have the same texts, modules of others are unmodified."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from api.documents.dashboard import dashboard_documents
from api.pages.dashboard_page import MODULES
from resolvers.schema import printed

HOUSE = Path(__file__).parents[2]
FILES = HOUSE / "api" / "pages" / "dashboard"
SCRIPT = HOUSE / "scripts" / "vendor_modules.py"
LONGEST_LINES = 250
MODULES_OF_OURS = sorted(path for path in FILES.rglob("*.js") if "vendor" not in path.parts)
# The only module that makes numbers of amounts: for pixels.
PIXELS = FILES / "chart.js"
# A number made of a text: by a function, by a sign, or by arithmetic with it.
NUMBERS = re.compile(
    r"\bNumber\s*\(|\bNumber\.parse|\bparse(?:Float|Int)\b|\.toFixed\b|\bBigInt\s*\(|(?:[=(,:?;{\[&|]|\breturn|=>)\s*\+\s*[\w$(.]|\bvalueAsNumber\b"
)


def without_texts(source: str) -> str:
    """The source without comments and quoted texts; the code in templates stays."""
    return re.sub(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"", " ", source, flags=re.DOTALL)


def numbers_in(source: str) -> list[str]:
    return [match[0].strip() for match in NUMBERS.finditer(without_texts(source))]


def test_only_the_chart_makes_numbers_of_amounts():
    found = {path.name: numbers_in(path.read_text()) for path in MODULES_OF_OURS if path != PIXELS}

    assert {name: numbers for name, numbers in found.items() if numbers} == {}
    assert "Number(" in numbers_in(PIXELS.read_text())


@pytest.mark.parametrize(
    "source",
    [
        "const sum = Number(one) + Number(other);",
        "parseFloat(amount)",
        "parseInt(amount, 10)",
        "Number.parseFloat(amount)",
        "amount.toFixed(2)",
        "const n = +amount;",
        "return +one.balance",
        "add(+one, +other)",
        "list.map((one) => +one.amount)",
        "BigInt(amount)",
        "event.target.valueAsNumber",
    ],
)
def test_the_lint_finds_a_number_made_of_an_amount(source):
    assert numbers_in(source)


@pytest.mark.parametrize("source", ["one + other", "failures + 1", "turn.value += 1", 'say("+1")', "// Number(x)"])
def test_the_lint_leaves_other_code_alone(source):
    assert numbers_in(source) == []


def test_each_module_is_short():
    lengths = {path.relative_to(FILES).as_posix(): len(path.read_text().splitlines()) for path in MODULES_OF_OURS}

    texts = {name for name in lengths if name.startswith("text/")}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_LINES and name not in texts} == {}


def texts_of(language: str) -> dict[str, str]:
    source = (FILES / "text" / f"{language}.js").read_text()
    return dict(re.findall(r'^  "([\w.]+)":\s+"((?:\\.|[^"\\])*)",$', source, re.MULTILINE))


def test_all_languages_have_the_same_texts_with_the_same_values():
    english, hebrew = texts_of("english"), texts_of("hebrew")

    assert len(english) > 200
    assert english.keys() == hebrew.keys()
    values = {
        name: (set(re.findall(r"\{\w+\}", english[name])), set(re.findall(r"\{\w+\}", hebrew[name])))
        for name in english
    }
    assert {name: pair for name, pair in values.items() if pair[0] != pair[1]} == {}


def test_each_text_that_is_asked_for_exists_and_each_text_is_used():
    source = "\n".join(path.read_text() for path in MODULES_OF_OURS if path.parent.name != "text")
    english = texts_of("english")

    asked = set(re.findall(r"""\bt\("([\w.]+)\"""", source))
    assert asked - english.keys() == set()
    # Names that are put together at run time begin with one of these.
    made = set(re.findall(r'(?:word\(|words=|kind=)"(\w+)"', source))
    made |= {
        "age",
        "streams",
        "sort",
        "retry",
        "pending",
        "deposit",
        "withdraw",
        "servers",
        "accounts",
        "instructions",
        "money",
    }
    named = set(re.findall(r'"([a-z]\w*\.[\w.]+)"', source))
    unused = {name for name in english if name not in asked | named and name.partition(".")[0] not in made}
    assert {name for name in unused if not name.endswith(".title")} == set()


def test_the_documents_are_valid_and_the_page_names_each():
    from graphql import build_schema, parse, validate

    schema = build_schema(printed())
    source = "\n".join(path.read_text() for path in MODULES_OF_OURS)
    for name, document in dashboard_documents().items():
        assert validate(schema, parse(document.text)) == []
        assert f'"{name}"' in source, f"{name} is asked by no module"
    assert len(dashboard_documents()) > 15


def test_the_import_map_names_files_that_exist():
    assert [name for name, path in MODULES.items() if not (FILES / path).is_file()] == []


def test_modules_of_others_are_those_of_the_list():
    done = subprocess.run([sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False)

    assert (done.stderr, done.returncode) == ("", 0)
    packages = json.loads((FILES / "vendor" / "vendor.json").read_text())
    for package in packages:
        licences = [name for name in package["files"] if name.startswith("LICENSE")]
        assert len(licences) == 1, f"{package['package']} comes with its licence"
        assert package["licence"] in {"MIT", "Apache-2.0"}


def test_a_changed_a_missing_and_a_foreign_file_are_found(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    from vendor_modules import differences

    vendor = tmp_path / "vendor"
    shutil.copytree(FILES / "vendor", vendor)
    assert differences(vendor) == []
    (vendor / "htm" / "htm.module.js").write_text("changed")
    (vendor / "wonka" / "wonka.mjs").unlink()
    (vendor / "foreign.js").write_text("")

    found = [line.partition(" ")[0] for line in differences(vendor)]

    assert found == ["foreign.js", "htm/htm.module.js", "wonka/wonka.mjs"]

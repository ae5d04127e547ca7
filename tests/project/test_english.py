"""The finder of words that plain English does without: scripts/english.py."""

import sys
from importlib import import_module
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def english():
    path = list(sys.path)
    sys.path.insert(0, str(HOUSE / "scripts"))
    yield import_module("english")
    sys.path[:] = path


def found(english, path: str, text: str) -> list[tuple[int, str]]:
    return [(one.line, one.word) for one in english.findings(path, text)]


@pytest.mark.parametrize(
    "sentence,words",
    [
        ("Whoever comes waits.", ["whoever"]),
        ("Who asks is told.", ["who"]),
        ("It says who may see it.", ["who"]),
        ("Those who wait are served.", ["who"]),
        ("Nobody waits, and somebody is told.", ["nobody", "somebody"]),
        ("Everyone waits; no one is told; anyone may.", ["anybody", "everybody", "nobody"]),
        ("The one for whom it was made.", ["whom"]),
        ("It says whose it is.", ["whose"]),
        ("The dearest field is as good as gone.", ["as good as", "dearest"]),
        ("All the same, nothing is to be had.", ["all the same", "to be had"]),
        ("It stands as\ngood as alone.", ["as good as"]),
    ],
)
def test_a_sentence_without_a_named_subject_or_with_an_idiom_is_found(english, sentence, words):
    assert sorted(word for _, word in found(english, "docs/a.md", sentence)) == words


@pytest.mark.parametrize(
    "sentence",
    [
        "The caller who waits is served.",
        "Callers who wait are served, and operators, who decide, are told.",
        "A caller for whom it was made.",
        "A vendor whose answer is late.",
        'The value is `nobody`, "nobody" or [a page](who.md).',
        "It runs as the user nobody.",
        "A wholesale idea is wholly other than a dearth.",
    ],
)
def test_a_pronoun_behind_its_noun_and_a_word_of_code_are_left_alone(english, sentence):
    assert found(english, "docs/a.md", sentence) == []


PYTHON = '''"""First line.

Nobody here.
"""

value = "nobody"  # Whoever comes.
# A comment that is as
# good as another.


def test_nobody_waits():
    """Somebody."""
    raise ValueError(f"{value} is what everybody wants")
'''


def test_docstrings_comments_messages_and_names_of_tests_are_read_in_python(english):
    assert found(english, "api/a.py", PYTHON) == [
        (3, "nobody"),
        (6, "whoever"),
        (7, "as good as"),
        (11, "nobody"),
        (12, "somebody"),
        (13, "everybody"),
    ]


def test_what_a_test_asks_a_server_is_not_read(english):
    assert (13, "everybody") not in found(english, "tests/unit/test_a.py", PYTHON)
    assert (12, "somebody") in found(english, "tests/unit/test_a.py", PYTHON)


@pytest.mark.parametrize(
    "path,text,lines",
    [
        ("a.sql", "SELECT 'nobody' -- Nobody.\n/* code */\n-- Whoever.", [1, 3]),
        ("schema.graphql", '# Who.\n"""\nNobody.\n"""\ntype A { "Somebody." b: Int }', [1, 3, 5]),
        ("a.toml", '#nobody = "x"\nname = "nobody # here"\n# Nobody.', [3]),
        ("Makefile", "# Nobody.\nall:  ## For everybody\n\techo nobody", [1, 2]),
        ("a.sh", "echo nobody  # Whoever.", [1]),
        ("a.mjs", "const nobody = 'nobody // x' // Nobody.", [1]),
        ("a.md", "```\nnobody\n```\n\n| nobody | x |\n\n    nobody\n\nWhoever.", [5, 9]),
        ("a.png", "nobody", []),
    ],
)
def test_each_kind_of_file_has_its_reader(english, path, text, lines):
    assert [line for line, _ in found(english, path, text)] == lines


def test_a_finding_names_file_line_word_and_its_whole_sentence(english):
    text = "First.\nHere nobody\nwaits for long. Last."

    (one,) = english.findings("docs/a.md", text)

    assert str(one) == "docs/a.md:2: nobody: Here nobody waits for long."


def test_cells_of_a_table_and_items_of_a_list_are_sentences_of_their_own(english):
    text = "| a | nobody waits | b |\n\n- one\n- somebody\n  goes\n- two\n\nTwo `||` bars, whoever comes."

    shown = [one.sentence for one in english.findings("docs/a.md", text)]

    assert shown == ["nobody waits", "- somebody goes", "Two `||` bars, whoever comes."]


def test_long_sentences_are_counted_by_their_words(english):
    within, beyond = " ".join(["word"] * 25), " ".join(["word"] * 26)

    assert [(one.line, one.word) for one in english.too_long("a.md", f"{within}.\n\n{beyond}.")] == [(3, "26 words")]


def test_the_report_counts_by_file_by_word_and_by_folder(english):
    text = "Nobody. Somebody. Nobody."
    lines = english.report([*english.findings("docs/a.md", text), *english.findings("README.md", text)]).splitlines()

    assert lines[0] == "docs/a.md:1: nobody: Nobody."
    assert {"     3 docs/a.md", "     4 nobody", "     3 docs", "     3 .", "     6 in all"} <= set(lines)


def test_every_exception_has_a_reason(english):
    assert all((english.ALLOWED_FILES | english.ALLOWED_PHRASES).values())


def test_no_text_of_the_project_has_a_finding(english):
    """Docstrings, comments, messages, documents, SQL, the schema, settings and names of tests."""
    findings = [one for path, text in english.texts([]) for one in english.findings(path, text)]

    assert [str(one) for one in findings] == []

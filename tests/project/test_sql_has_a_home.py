"""SQL is in .sql files and in upstreams/erp/rendering, which puts the rendered statements together; nowhere else."""

import ast
import re
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
PACKAGES = ("api", "resolvers", "instructions", "engine", "upstreams", "core")
HOME = HOUSE / "upstreams" / "erp" / "rendering"

# Case matters in the first one alone: the other two look the same in every case of letters.
KEYWORDS = re.compile(
    r"\b(?:SELECT|INSERT INTO|UPDATE \w+|DELETE FROM|MERGE INTO|LOCK TABLE|LISTEN|NOTIFY|GRANT|REVOKE|TRUNCATE|EXPLAIN|"
    r"(?:CREATE|ALTER|DROP)(?: OR REPLACE)? \w+|SET (?:LOCAL|SESSION|\w+ =)|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|"
    r"CASE WHEN|ORDER BY|GROUP BY|(?:INNER|LEFT|CROSS|FULL) JOIN|IS (?:NOT )?NULL|= ANY)\b"
)
STATEMENTS = re.compile(
    r"^\s*(?:select\s+(?:\d|\*|[\w.]+\s*(?:,|from\b|\())|insert\s+into\s|update\s+[\w.]+\s+set\s|delete\s+from\s|"
    r"lock\s+table\s|(?:create|alter|drop)\s+(?:table|schema|view|index|role|function|database)\s|listen\s+\w+$)",
    re.IGNORECASE,
)
EXPRESSIONS = re.compile(
    r"\w::[a-z]|\s\|\|\s|\$\d+\b|\b(?:coalesce|nullif|string_agg|array_agg|unnest|to_char|to_json|set_config|pg_\w+)\(",
    re.IGNORECASE,
)


def is_sql(text: str) -> bool:
    return any(pattern.search(text) for pattern in (KEYWORDS, STATEMENTS, EXPRESSIONS))


def texts(tree: ast.Module):
    """The literal texts that the program uses: no docstring is one."""
    expressions = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in expressions:
            yield node.lineno, node.value


def findings(path: Path, code: str) -> list[str]:
    return [f"{path}:{line}: {text}" for line, text in texts(ast.parse(code)) if is_sql(text)]


def test_no_sql_is_outside_of_its_home():
    modules = [path for package in PACKAGES for path in sorted((HOUSE / package).rglob("*.py"))]
    found = [
        one
        for path in modules
        if HOME not in path.parents
        for one in findings(path.relative_to(HOUSE), path.read_text(encoding="utf-8"))
    ]

    assert len(modules) > 200, "the packages were not found"
    assert found == [], "put the SQL in a .sql file, or in upstreams/erp/rendering"


@pytest.mark.parametrize(
    "code",
    [
        'connection.execute("SELECT 1")',
        'connection.execute("select pg_advisory_lock($1)", 7)',
        'f"CASE WHEN {code} IN (1) THEN true END"',
        "f\"'Client:' || {column}::text\"",
        'f"{column} IS NULL"',
        'connection.execute("lock table brokergraph.instruction")',
        'f"GRANT SELECT ON {view} TO our_role"',
        'connection.execute("SET LOCAL synchronous_commit = off")',
    ],
)
def test_sql_is_found_by_file_and_line(code):
    found = findings(Path("api/module.py"), f"x = 1\ny = {code}")

    assert {one.partition(": ")[0] for one in found} == {"api/module.py:2"}


def test_other_texts_are_no_sql():
    assert findings(Path("module.py"), '"""SELECT in a docstring."""\nx = "Select a client, or update it: [::1]"') == []

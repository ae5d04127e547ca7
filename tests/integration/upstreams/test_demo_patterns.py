"""Patterns of demo groups mean the same to Python and to PostgreSQL's LIKE."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from upstreams.vendors.kit.demo_groups import is_demo, like_patterns

pytestmark = pytest.mark.anyio
TEXT = some.text(alphabet="aA*%_\\.[\n", max_size=6)


async def test_a_pattern_matches_the_same_groups_in_python_and_in_postgresql(database):
    cases: list[tuple[str, str]] = []

    @settings(max_examples=500, database=None)
    @given(TEXT, TEXT)
    def collect(group, pattern):
        cases.append((group, pattern))

    collect()
    likes = [like for _, pattern in cases for _, like in like_patterns({"R1": [pattern]})]
    groups = [group for group, _ in cases]
    query = "SELECT g LIKE p AS found FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t (g, p, n) ORDER BY n"
    rows = await database.fetch(query, groups, likes)

    assert [row["found"] for row in rows] == [is_demo(group, [pattern]) for group, pattern in cases]
    assert {row["found"] for row in rows} == {True, False}

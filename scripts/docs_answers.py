"""Runs the examples of docs/root-fields.md: python scripts/docs_answers.py http://127.0.0.1:8000/graphql

It asks a demo that was started with an empty data folder, and writes its answers into the page. A test compares the
answers of the page with those of a sandbox.
"""

import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent.parent / "docs" / "root-fields.md"
EXAMPLE = re.compile(
    r"(?P<words>[^\n]+\n)\n"
    r"```graphql\n(?P<query>.*?)```\n+"
    r'(?:```json title="variables"\n(?P<variables>.*?)```\n+)?'
    r'```json title="answer"\n(?P<answer>.*?)```$',
    re.MULTILINE | re.DOTALL,
)
KEY = re.compile(r"`(demo-[a-z]+)`")
# Values that differ from one sandbox to another, each by what it is.
VARIES = {
    "time": re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"),
    "amount": re.compile(r"-?\d+\.\d+"),
    "number": re.compile(r"#?\d+"),
}
# Names of the values that only their sandbox knows.
OPAQUE = {"id", "cursor", "endCursor", "startCursor", "instructionEventsCursor", "initialPassword", "upstreamReference"}
Ask = Callable[[str, dict[str, Any], str], dict[str, Any]]


@dataclass(frozen=True)
class Example:
    key: str
    query: str
    variables: dict[str, Any]
    answer: dict[str, Any]
    place: tuple[int, int]
    """Where the page has the answer."""


def examples(page: str) -> Iterator[Example]:
    for match in EXAMPLE.finditer(page):
        keys = KEY.findall(match["words"]) or ["demo-operator"]
        variables, answer = json.loads(match["variables"] or "{}"), json.loads(match["answer"] or "{}")
        yield Example(keys[0], match["query"], variables, answer, match.span("answer"))


def run(page: str, ask: Ask) -> Iterator[tuple[Example, dict[str, Any]]]:
    """Each example with its answer of now. The id of an earlier answer of the page is replaced by the id of now."""
    renamed: dict[str, str] = {}
    for example in examples(page):
        text = json.dumps(example.variables)
        for old, new in renamed.items():
            text = text.replace(old, new)
        answer = ask(example.query, json.loads(text), example.key)
        renamed |= dict(_opaque_pairs(example.answer, answer))
        yield example, answer


def _opaque_pairs(old: Any, new: Any) -> Iterator[tuple[str, str]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in old.keys() & new.keys():
            if name in OPAQUE and isinstance(old[name], str) and isinstance(new[name], str):
                yield old[name], new[name]
            yield from _opaque_pairs(old[name], new[name])
    elif isinstance(old, list) and isinstance(new, list):
        for one, other in zip(old, new, strict=False):
            yield from _opaque_pairs(one, other)


def masked(value: Any, name: str = "") -> Any:
    """The value with a word in the place of all that differs from one sandbox to another."""
    match value:
        case dict():
            return {key: masked(one, key) for key, one in value.items()}
        case list():
            return [masked(one, name) for one in value]
        case str() if name in OPAQUE:
            return f"<{name}>"
        case str():
            return next((f"<{kind}>" for kind, form in VARIES.items() if form.fullmatch(value)), value)
        case bool() | None:
            return value
    return "<count>"


def main(url: str) -> None:
    """Write the answers of this address into the page."""

    def ask(query: str, variables: dict[str, Any], key: str) -> dict[str, Any]:
        return post(url, query, variables, key)

    page = PAGE.read_text(encoding="utf-8")
    done = list(run(page, ask))
    for example, answer in reversed(done):
        start, end = example.place
        page = page[:start] + shown(answer) + "\n" + page[end:]
    for example, answer in done:
        for old, new in _opaque_pairs(example.answer, answer):
            page = page.replace(old, new)
    PAGE.write_text(page, encoding="utf-8")


def post(url: str, query: str, variables: dict[str, Any], key: str) -> dict[str, Any]:
    """The answer, or the first event of a stream."""
    stream = query.startswith("subscription")
    accept = "text/event-stream" if stream else "application/graphql-response+json"
    headers = {"Content-Type": "application/json", "Accept": accept, "Authorization": f"Bearer {key}"}
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - an address of a demo.
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - the same.
            text = next(line[6:] for line in answer if line.startswith(b"data: ")) if stream else answer.read()
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{error.code}: {error.read().decode()}") from None
    found: dict[str, Any] = json.loads(text)
    return found


def shown(value: Any, indent: str = "") -> str:
    """JSON with short objects on one line."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(flat) <= 100 or not isinstance(value, dict | list) or not value:  # noqa: PLR2004
        return flat
    deeper = indent + "  "
    if isinstance(value, dict):
        lines = [f"{deeper}{json.dumps(name)}: {shown(one, deeper)}" for name, one in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    return "[\n" + ",\n".join(f"{deeper}{shown(one, deeper)}" for one in value) + f"\n{indent}]"


if __name__ == "__main__":
    main(sys.argv[1])

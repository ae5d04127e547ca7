"""What a file says to people, apart from its code: scripts/english.py reads it."""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch

# A text of fewer words is no sentence.
FEWEST = 3


@dataclass(frozen=True)
class Block:
    """Some text that belongs together. `line` is that of its first character."""

    line: int
    text: str


def of_tests(text: str) -> Iterator[Block]:
    """Docstrings, texts that stand alone, comments and the names of tests."""
    yield from _comments(text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield Block(node.value.lineno, node.value.value)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield Block(node.lineno, node.name.replace("_", " "))


def of_product(text: str) -> Iterator[Block]:
    """The same, and texts of some words: messages of errors and of the command line, descriptions."""
    yield from of_tests(text)
    tree = ast.parse(text)
    inside = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in node.values}
            words = "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            words = node.value
        else:
            continue
        if len(words.split()) >= FEWEST:
            yield Block(node.lineno, words)


def _comments(text: str) -> Iterator[Block]:
    """Comments; those of adjacent lines are one block, because a sentence runs over them."""
    found = [
        (token.start, token.string.lstrip("#! "))
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    ]
    return _joined(found)


def _joined(found: list[tuple[tuple[int, int], str]]) -> Iterator[Block]:
    lines: list[str] = []
    first = column = 0
    for (line, start), text in found:
        if lines and (line, start) == (first + len(lines), column):
            lines.append(text)
            continue
        if lines:
            yield Block(first, "\n".join(lines))
        lines, first, column = [text], line, start
    if lines:
        yield Block(first, "\n".join(lines))


def of_markdown(text: str) -> Iterator[Block]:
    """The whole without fenced blocks; each cell of a table is a sentence of its own."""
    without = re.sub(r"^( *)(```+|~~~+).*?^ *\2", _blank, text, flags=re.MULTILINE | re.DOTALL)
    without = re.sub(r"^ {4,}(?![-*\d]).*$", _blank, without, flags=re.MULTILINE)
    yield Block(1, re.sub(r"^\|.*", lambda row: row[0].replace("|", "\t"), without, flags=re.MULTILINE))


def line_comments(mark: str) -> Callable[[str], Iterator[Block]]:
    """A reader of comments that begin with `mark` and end with the line, outside of quoted texts. A setting that is
    commented out is none.
    """
    pattern = re.compile(rf"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`[^`]*`)|{mark}+(?![\w.]+ = )[ !]?(.*)""")

    def comments(text: str) -> Iterator[Block]:
        lines = enumerate(text.splitlines(), 1)
        matches = ((number, match) for number, line in lines for match in pattern.finditer(line))
        return _joined([((number, match.start()), match[2]) for number, match in matches if match[2] is not None])

    return comments


def of_graphql(text: str) -> Iterator[Block]:
    """Descriptions and comments."""
    for match in re.finditer(r'"""(.*?)"""|"((?:\\.|[^"\\\n])*)"|#([^\n]*)', text, re.DOTALL):
        words = match[1] or match[2] or match[3] or ""
        yield Block(text.count("\n", 0, match.start()) + 1, words)


def of_makefile(text: str) -> Iterator[Block]:
    """Comments, and what `make help` says."""
    for number, line in enumerate(text.splitlines(), 1):
        if "#" in line and not line.startswith("\t"):
            yield Block(number, line.partition("#")[2].lstrip("# "))


_HASH, _DASHES, _SLASHES = line_comments("#"), line_comments("--"), line_comments("//")
READERS: dict[str, Callable[[str], Iterator[Block]]] = {
    "tests/*.py": of_tests,
    "*.py": of_product,
    "*.md": of_markdown,
    "*.graphql": of_graphql,
    "Makefile": of_makefile,
    **dict.fromkeys(("*.sql", "*.lua"), _DASHES),
    **dict.fromkeys(("*.js", "*.jsx", "*.mjs", "*.c"), _SLASHES),
    **dict.fromkeys(("*.toml", "*.sh", "*.yaml", "*Dockerfile", ".ci/*", "*.in", ".editorconfig"), _HASH),
}


def reader_of(path: str) -> Callable[[str], Iterator[Block]] | None:
    name = path.rpartition("/")[2]
    found = (reader for pattern, reader in READERS.items() if fnmatch(path, pattern) or fnmatch(name, pattern))
    return next(found, None)


def blocks_of(path: str, text: str) -> Iterator[Block]:
    """What the file says to people."""
    reader = reader_of(path)
    return iter(()) if reader is None else reader(text)


def _blank(match: re.Match[str]) -> str:
    """As many lines, and nothing in them."""
    return "\n" * match[0].count("\n")

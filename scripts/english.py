"""Finds words that plain engineering English does without: python scripts/english.py [--long] [PATH ...]

A sentence names its subject: the caller, the request, the vendor. `who` may follow a noun (callers who wait) and is
otherwise a subject without a name. Idioms and false friends have a plain word that every reader knows.

It reads docstrings, comments, messages, documents, the schema's descriptions, settings and names of tests. Code in
back-quotes and in fenced blocks is left out. It prints `file:line: word: sentence`, and counts by file and by folder.
"""

import argparse
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from english_texts import blocks_of, reader_of

HOUSE = Path(__file__).parent.parent
LONGEST = 25

PERSONS = (
    "attacker|caller|client|customer|developer|engineer|maintainer|newcomer|operator|owner|partner|people|person|"
    "principal|reader|reviewer|trader|user|viewer"
)
# What may stand right before a `who` that continues a sentence about a person.
_AFTER_A_PERSON = re.compile(rf"\b(?:{PERSONS})s?,?\s+(?:(?:by|for|from|of|to|with)\s+)?$", re.IGNORECASE)
# `whose` may follow any noun; these are none.
_AFTER_NO_NOUN = re.compile(
    r"(?:^|[.:;,(]\s*|\b(?:all|and|are|by|for|from|in|is|know|knows|of|on|or|other|others|say|says|tell|tells|that|"
    r"those|to|told|was|with)\s+)$",
    re.IGNORECASE,
)

# By the name under which a finding is shown.
SUBJECTS = {
    "who": r"who\b(?!')",
    "whom": r"whom",
    "whose": r"whose",
    "whoever": r"who(?:m)?(?:so)?ever",
    "somebody": r"some(?:body|one)(?:'s)?",
    "nobody": r"nobody(?:'s)?|no one(?:'s)?\b(?!\s+of)",
    "everybody": r"every(?:body|one)(?:'s)?",
    "anybody": r"any(?:body|one)(?:'s)?",
}
IDIOMS = {
    "dearest": r"dear(?:er|est)?",
    "as good as": r"as good as",
    "all the same": r"all the same",
    "to be had": r"to be had",
}
FALSE_FRIENDS = {
    "at once": r"at once",
    "give up": r"(?:give|gives|gave|given|giving) (?:\w+ )?up",
    "let go": r"(?:let|lets|letting) go(?: of)?",
    "reckon": r"reckon(?:s|ed|ing)?",
    "for good": r"for good",
    "he": r"he|him|his|himself",
}
STRICT = SUBJECTS | IDIOMS
ALL = STRICT | FALSE_FRIENDS

# Where these words are right, and why.
ALLOWED_FILES = {
    "docs/glossary.md": "it names the words that are not used",
    "scripts/english.py": "it names the words",
    "tests/*/test_english.py": "it names the words",
    "upstreams/migrations/*.sql": "each file that was applied has a checksum, so that its text cannot change",
}
ALLOWED_PHRASES = {
    r"(?:the user|user) nobody|(?<=, )nobody(?= inside a user namespace)": "the user of the system with that name",
    r"nobody by number": "the same",
}
# Code, values of settings and addresses are no English.
_CODE = re.compile(r"`[^`]*`|\"[\w-]+\"|https?://\S+|\]\([^)\s]*\)|" + "|".join(ALLOWED_PHRASES))


@dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    word: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.word}: {self.sentence}"


# What is wrong with it


def _masked(text: str) -> str:
    """What is no English becomes one word of the same length."""
    return _CODE.sub(lambda match: re.sub(r"\S", "x", match[0]), text)


_ENDS = re.compile(r"(?<=[.!?])[\s\"')]+(?=[\"'(`*]*[A-Z0-9`\[])|\n\s*\n|\n(?=\s*(?:[-*#>]|\d+\.)\s)|\t")


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """Each sentence with the place where it begins."""
    start = 0
    for end in [match.span() for match in _ENDS.finditer(text)] + [(len(text), len(text))]:
        yield start, text[start : end[0]]
        start = end[1]


def words_in(sentence: str, patterns: dict[str, str]) -> Iterator[tuple[int, str]]:
    """The words of `patterns` that the sentence uses, with their places."""
    for word, pattern in patterns.items():
        spaced = pattern.replace(" ", r"\s+")
        for match in re.finditer(rf"\b(?:{spaced})\b", sentence, re.IGNORECASE):
            if not _is_relative(word, sentence[: match.start()]):
                yield match.start(), word


def _is_relative(word: str, before: str) -> bool:
    """Whether the pronoun belongs to the noun right before it."""
    if word in {"who", "whom"}:
        return _AFTER_A_PERSON.search(before) is not None
    return word == "whose" and _AFTER_NO_NOUN.search(before) is None


def findings(path: str, text: str, patterns: dict[str, str] = STRICT) -> list[Finding]:
    """What the file says in words that plain English does without."""
    found = []
    for block in blocks_of(path, text):
        masked = _masked(block.text)
        for start, sentence in sentences(masked):
            shown = " ".join(block.text[start : start + len(sentence)].split())
            for place, word in words_in(sentence, patterns):
                line = block.line + masked.count("\n", 0, start + place)
                found.append(Finding(path, line, word, shown))
    return sorted(found)


def too_long(path: str, text: str) -> list[Finding]:
    """Sentences of more words than a reader takes in at one go."""
    found = []
    for block in blocks_of(path, text):
        masked = _masked(block.text)
        for start, sentence in sentences(masked):
            if (count := len(re.findall(r"[\w'./-]*\w[\w'./-]*", sentence))) > LONGEST:
                shown = " ".join(block.text[start : start + len(sentence)].split())
                found.append(Finding(path, block.line + masked.count("\n", 0, start), f"{count} words", shown))
    return found


# The program


def files(chosen: list[str]) -> list[str]:
    """The files that git knows, or that it would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *chosen]
    listed = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=True).stdout.splitlines()  # noqa: S603 - git, with the paths that were given.
    return sorted(path for path in set(listed) if (HOUSE / path).is_file())


def texts(chosen: list[str]) -> Iterator[tuple[str, str]]:
    """Each file that there is a reader for, with its text; not those that name the words."""
    for path in files(chosen):
        if reader_of(path) is not None and not any(fnmatch(path, allowed) for allowed in ALLOWED_FILES):
            yield path, (HOUSE / path).read_text(encoding="utf-8")


def counted(title: str, counts: Counter[str]) -> str:
    rows = [f"{count:6} {name}" for name, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))]
    return "\n".join([f"\n{title}", *rows, f"{counts.total():6} in all", ""])


def report(found: list[Finding]) -> str:
    top = Counter(one.path.partition("/")[0] if "/" in one.path else "." for one in found)
    lines = "".join(f"{one}\n" for one in found)
    by_file, by_word = Counter(one.path for one in found), Counter(one.word for one in found)
    return f"{lines}{counted('by file', by_file)}{counted('by word', by_word)}{counted('by folder', top)}"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("paths", nargs="*", help="files or folders; all unless given")
    options.add_argument("--friends", action="store_true", help="false friends, too: words that mislead a translator")
    options.add_argument("--long", action="store_true", help=f"sentences of more than {LONGEST} words instead")
    chosen = options.parse_args()
    if chosen.long:
        found = [one for path, text in texts(chosen.paths) for one in too_long(path, text)]
    else:
        patterns = ALL if chosen.friends else STRICT
        found = [one for path, text in texts(chosen.paths) for one in findings(path, text, patterns)]
    sys.stdout.write(report(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

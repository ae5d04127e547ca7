"""Builds the documentation site from docs/: python scripts/docs_site.py FOLDER

Zensical makes the pages (docs/zensical.toml). It knows only one folder, so that the pages are built from a copy of
docs/. The copy also has each file of the repository that a page links to. A warning of Zensical, such as a broken link,
fails the build.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

HOUSE = Path(__file__).parent.parent
DOCS = HOUSE / "docs"
# The folder of the site for files of the repository that are outside of docs/.
OUTSIDE = "project"
LINK = re.compile(r"(?<=\]\()([^)#\s]+)(?=(?:#[^)\s]*)?\))")
NAMED = re.compile(r"\[([\w-]+\.md)\](?=\(\1)")
ITEM = re.compile(r"(?:-|\d+\.) ")
INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
# The search adds an element with a style that is a text of its script: create("style", {}, NAME.toString()).
STYLE_NAME = re.compile(r"""\("style",\{\},(\w+)\.toString\(\)\)""")
# The hashes of inline scripts and styles, for the Content-Security-Policy, and the fingerprint of the site's sources.
MANIFEST = "manifest.json"
# Where the server shows the site. All other addresses are relative, so that the files may be anywhere.
ADDRESS = "/docs/"
ROOTED = re.compile(r'((?:href|src)=|"(?:base|search)":)"/')


def stage(folder: Path) -> None:
    """Copy docs/ and the linked files into a folder, with the links of the copies changed."""
    waiting = [path for path in DOCS.rglob("*") if path.is_file()]
    known = set(waiting)
    while waiting:
        source = waiting.pop()
        target = folder / staged(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".md":
            linked, text = moved(source)
            target.write_text(text, encoding="utf-8")
            waiting += linked - known
            known |= linked
        else:
            shutil.copyfile(source, target)


def moved(source: Path) -> tuple[set[Path], str]:
    """The linked files of the repository, and the text of the page with the links of the copy."""
    linked = set()

    def link(match: re.Match[str]) -> str:
        path = (source.parent / match[1]).resolve()
        if not path.is_file() or not path.is_relative_to(HOUSE):
            return match[1]
        linked.add(path)
        return os.path.relpath(staged(path), staged(source).parent)

    text = NAMED.sub(title, source.read_text(encoding="utf-8"))
    return linked, "".join(indented(LINK.sub(link, text)))


def title(match: re.Match[str]) -> str:
    """The title of a page of docs/, for a link that shows the name of its file."""
    head = (DOCS / match[1]).read_text(encoding="utf-8").partition("\n")[0]
    return f"[{head.removeprefix('# ').partition(':')[0]}]"


def indented(text: str) -> Iterator[str]:
    """The lines, with the content of lists indented by four blanks for each level, as Zensical's Markdown needs it.

    Ours is indented by the width of the mark, two blanks or three. A fenced block moves as a whole.
    """
    moved_by, in_fence = 0, False
    for line in separated(text.splitlines(keepends=True)):
        body = line.lstrip(" ")
        blanks, is_mark = len(line) - len(body), body.startswith("```")
        if not in_fence:
            moved_by = 4 * -(-blanks // 3) - blanks
        in_fence ^= is_mark
        yield " " * (blanks + moved_by) + body


def separated(lines: list[str]) -> Iterator[str]:
    """The lines, with an empty line behind a list's item of several paragraphs, without which the next item is lost."""
    has_parts, before = False, ""
    for line in lines:
        if line.startswith(" "):
            has_parts = has_parts or not before.strip()
        elif line.strip():
            if has_parts and before.strip() and ITEM.match(line):
                yield "\n"
            has_parts = False
        yield line
        before = line


def staged(path: Path) -> Path:
    """The place of a file of the repository in the copy."""
    return path.relative_to(DOCS) if path.is_relative_to(DOCS) else Path(OUTSIDE) / path.relative_to(HOUSE)


def build(site: Path) -> None:
    """Make the site in the folder, unless the folder has the site of these sources."""
    with tempfile.TemporaryDirectory(prefix="brokergraph-docs-") as name:
        work = Path(name)
        stage(work / "docs")
        shutil.move(work / "docs" / "zensical.toml", work)
        source = fingerprint(work)
        if made_from(site) == source:
            return
        command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", str(work / "zensical.toml")]
        subprocess.run(command, cwd=work, check=True, stdout=sys.stderr)  # noqa: S603 - our own interpreter and options.
        made = work / "site"
        place(made)
        inline = {"scripts": hashes(inline_scripts(made)), "styles": hashes(inline_styles(made))}
        manifest = {"source": source} | inline
        (made / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        replace(site, made)


def fingerprint(folder: Path) -> str:
    digest = hashlib.sha256(version("zensical").encode() + Path(__file__).read_bytes())
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def made_from(site: Path) -> str | None:
    try:
        return str(json.loads((site / MANIFEST).read_text(encoding="utf-8"))["source"])
    except FileNotFoundError:
        return None


def place(site: Path) -> None:
    """Move the addresses that begin at the root of the host, in the canonical links and the page of the status 404."""
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        path.write_text(ROOTED.sub(rf'\1"{ADDRESS}', text), encoding="utf-8")


def inline_scripts(site: Path) -> set[str]:
    pages = (path.read_text(encoding="utf-8") for path in site.rglob("*.html"))
    return {script for page in pages for script in INLINE_SCRIPT.findall(page)}


def inline_styles(site: Path) -> set[str]:
    """The style of the search. A version of Zensical that adds it in another way fails here, not in the browser."""
    (path,) = (site / "assets" / "javascripts").glob("bundle.*.js")
    code = path.read_text(encoding="utf-8")
    (name,) = STYLE_NAME.findall(code)
    (text,) = re.findall(rf"[ ,]{name}='((?:[^'\\]|\\.)*)'", code)
    return {re.sub(r"\\(.)", r"\1", text)}


def hashes(texts: set[str]) -> list[str]:
    """The sources of a Content-Security-Policy that allow these inline texts, and no other ones."""
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
    return sorted(f"'sha256-{digest}'" for digest in digests)


def replace(site: Path, made: Path) -> None:
    """Copy new files, the manifest last, and then remove old ones, because a server may be reading."""
    new = {path.relative_to(made) for path in made.rglob("*") if path.is_file()}
    for path in sorted(new, key=lambda path: path == Path(MANIFEST)):
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made / path, site / path)
    for path in site.rglob("*"):
        if path.is_file() and path.relative_to(site) not in new and not path.name.startswith("."):
            path.unlink()


if __name__ == "__main__":
    try:
        build(Path(sys.argv[1]).resolve())
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)

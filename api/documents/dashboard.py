"""The dashboard's documents: they belong to all partners while the dashboard is on, in every mode."""

from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

OPERATIONS: Final = Path(__file__).parent.parent / "pages" / "dashboard" / "operations"


class BuiltInDocument(msgspec.Struct, frozen=True):
    """A document of a page of this server. The id is the hash of the text."""

    id: str
    text: str


def dashboard_documents(folder: Path = OPERATIONS) -> dict[str, BuiltInDocument]:
    """The documents by the names of their files. A document has the fragments that its operation spreads."""
    fragments = _texts(folder / "fragments")
    documents = {}
    for name, operation in _texts(folder).items():
        text = operation + "".join(part for fragment, part in fragments.items() if f"...{fragment} " in operation)
        documents[name] = BuiltInDocument(sha256(text.encode()).hexdigest(), text)
    return documents


def _texts(folder: Path) -> dict[str, str]:
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.graphql"))}

"""Manifests of documents, as the tools of GraphQL clients write them.

- graphql-codegen (client preset, `persistedDocuments`) and Relay (`persistConfig`): one object, id -> text.
- Apollo (generate-persisted-query-manifest): `{"format": "apollo-persisted-query-manifest", "version": 1,
  "operations": [{"id", "name", "type", "body"}]}`.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from api.documents.ids import canonical_id
from upstreams.state.documents import DocumentRecord

_APOLLO: Final = "apollo-persisted-query-manifest"
_ID: Final = re.compile(r"[!-~]{1,256}\Z")


class ManifestError(Exception):
    """The file is not a manifest. The message has the reason and the place."""


def read_manifest(path: Path, principal: str) -> list[DocumentRecord]:
    """The documents of the manifest, for this partner. Raises ManifestError."""
    try:
        content = msgspec.json.decode(path.read_bytes().removeprefix(codecs.BOM_UTF8))
    except OSError as error:
        raise ManifestError(f"{path} cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ManifestError(f"{path} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise ManifestError(f"{path} is not a manifest: it must be a JSON object.")
    found = [_record(principal, *one) for one in _entries(content)]
    if not found:
        raise ManifestError(f"{path} holds no documents.")
    return _distinct(found)


def _entries(content: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    if "format" not in content:
        yield from content.items()
        return
    if (content["format"], content.get("version")) != (_APOLLO, 1):
        raise ManifestError(f"The format must be {_APOLLO}, version 1; it is {content['format']!r}.")
    operations = content.get("operations")
    if not isinstance(operations, list):
        raise ManifestError("`operations` must be a list.")
    for one in operations:
        if not isinstance(one, dict):
            raise ManifestError("Each of `operations` must be an object with `id` and `body`.")
        yield one.get("id"), one.get("body")


def _record(principal: str, identity: Any, text: Any) -> DocumentRecord:
    if not isinstance(identity, str) or not _ID.match(identity):
        raise ManifestError(f"The id {identity!r} must be 1 to 256 printable ASCII characters without blanks.")
    if not isinstance(text, str) or not text.strip() or "\x00" in text:
        raise ManifestError(f"The document {identity} must be a text.")
    known_as = canonical_id(identity)
    if identity.lower().startswith("sha256:") and known_as != sha256(text.encode()).hexdigest():
        raise ManifestError(f"The document {identity} has another hash than its id says.")
    return DocumentRecord(principal, known_as, text)


def _distinct(documents: Iterable[DocumentRecord]) -> list[DocumentRecord]:
    found: dict[str, DocumentRecord] = {}
    for one in documents:
        if found.setdefault(one.id, one).text != one.text:
            raise ManifestError(f"The id {one.id} has two different documents.")
    return list(found.values())

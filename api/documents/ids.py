"""Ids of documents. Many are hashes, and the digits of a hash mean the same in any case."""

import re
from typing import Final

_PREFIX: Final = "sha256:"
# From MD5 to SHA-512.
_HASH: Final = re.compile(r"(?:sha256:)?([0-9a-f]{32,128})\Z", re.ASCII | re.IGNORECASE)


def canonical_id(identity: str) -> str:
    """The id as it is stored: without `sha256:`, a hash in lower case, every other id as it is written."""
    found = _HASH.match(identity)
    return found[1].lower() if found else identity.removeprefix(_PREFIX)

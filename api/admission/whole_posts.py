"""The facts of a complete POST that a refusal needs, read from its bytes without a scope."""

from typing import Final, NamedTuple

from api.http.negotiation import GRAPHQL_JSON
from api.wire.framing import WHOLE_POSTS

# Without this header the server recognises a mutation only after it has read the body. Reading every body takes as long
# as answering: under four times the capacity it cost two thirds of the answers.
SAYS: Final = (b"x-graphql-operation-type", b"mutation")
# A request with one of these headers is not refused by its bytes. A chunked body has no length that its head tells.
_DECIDED_BY_HEADERS: Final = (SAYS[0], b"\r\norigin:", b"\r\ntransfer-encoding:")


class WholePost(NamedTuple):
    """The head of a complete POST to /graphql, and what it says.

    caller    the hash of the credential, as in the scope: only for fair queueing, because a request can choose it
    length    the length of the body
    """

    head: bytes
    length: int
    caller: int
    accepts_graphql: bool


def whole_post(data: bytes, last: WholePost | None) -> WholePost | None:
    """The facts of `data` if it is one complete POST that may be refused by its bytes. `last`: the facts of the
    connection's last one. Because a client repeats its head, the head is rarely read again.
    """
    head, _, body = data.partition(b"\r\n\r\n")
    if last is not None and head == last.head:
        # One other byte behind the body would be the begin of another request.
        return last if len(body) == last.length else None
    lowered = head.lower()
    if data not in WHOLE_POSTS or any(name in lowered for name in _DECIDED_BY_HEADERS):
        return None
    _, _, behind = lowered.partition(b"\r\nauthorization: ")
    caller = hash(head[len(head) - len(behind) :].partition(b"\r\n")[0])
    return WholePost(head, len(body), caller, GRAPHQL_JSON.encode() in lowered)

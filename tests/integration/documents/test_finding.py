"""What one process remembers of documents is bounded, and each partner's own."""

import pytest
from support.agreed_documents import digest

from api.documents.cache import TrustedDocuments
from api.documents.finder import DocumentFinder
from api.http.refusal import RequestRefused
from api.settings.http import DocumentsSection
from core.clock import Clock
from resolvers.request.graphql_request import GraphQLRequest

pytestmark = pytest.mark.anyio


class Nothing:
    """A state database without documents."""

    async def by_id(self, *_):
        return None

    async def by_text(self, *_):
        return None


def asked(*, text=None, sha256=None) -> GraphQLRequest:
    return GraphQLRequest(text, sha256=sha256)


def finder(**settings) -> DocumentFinder:
    return DocumentFinder(DocumentsSection(**settings), TrustedDocuments(Nothing(), Clock(), 30.0))


async def teach(one: DocumentFinder, principal: str, text: str) -> None:
    one.keep(principal, await one.find(asked(text=text, sha256=digest(text)), principal))


async def code_of(one: DocumentFinder, principal: str, text: str) -> str | None:
    try:
        found = await one.find(asked(sha256=digest(text)), principal)
    except RequestRefused as refused:
        return refused.extensions["code"]
    assert found.text == text
    return None


async def test_a_flood_pushes_out_the_floods_own_documents_alone():
    one = finder()
    await teach(one, "acme", "{ acme }")
    await teach(one, "flood", "{ first }")
    for number in range(500):
        await teach(one, "flood", f"{{ a{number} }}")

    assert await code_of(one, "flood", "{ first }") == "PERSISTED_QUERY_NOT_FOUND"
    assert await code_of(one, "flood", "{ a0 }") is None
    assert await code_of(one, "acme", "{ acme }") is None


async def test_of_many_partners_the_one_heard_of_longest_ago_is_forgotten():
    one = finder()
    for number in range(65):
        await teach(one, f"partner {number}", "{ a }")

    codes = [await code_of(one, f"partner {number}", "{ a }") for number in range(65)]

    assert codes == ["PERSISTED_QUERY_NOT_FOUND"] + [None] * 64


@pytest.mark.parametrize(
    "settings, code",
    [
        ({"automatic": False}, "PERSISTED_QUERY_NOT_SUPPORTED"),
        ({"automatic": False, "mode": "enforce"}, "DOCUMENT_NOT_TRUSTED"),
        ({"mode": "log"}, None),
        ({"mode": "off"}, None),
    ],
)
async def test_what_is_not_to_be_learnt_is_not_learnt(settings, code):
    one = finder(**settings)
    if settings.get("mode") != "enforce":
        await teach(one, "acme", "{ a }")

    assert await code_of(one, "acme", "{ a }") == code


async def test_automatic_documents_are_bounded_by_their_characters_too():
    one = finder()
    texts = [f"{{ a{number} }}".ljust(400_000) for number in range(3)]
    for text in texts:
        await teach(one, "acme", text)
    await teach(one, "acme", "{ large }".ljust(1_100_000))

    assert await code_of(one, "acme", texts[0]) == "PERSISTED_QUERY_NOT_FOUND"
    assert await code_of(one, "acme", "{ large }".ljust(1_100_000)) == "PERSISTED_QUERY_NOT_FOUND"
    assert [await code_of(one, "acme", text) for text in texts[1:]] == [None, None]

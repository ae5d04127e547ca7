"""What one process remembers of documents is bounded, and each partner's own."""

import pytest
from support.agreed_documents import digest

from api.documents.cache import PersistedQueries
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
    return DocumentFinder(DocumentsSection(**settings), Nothing(), Clock())


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


def test_texts_are_bounded_by_their_characters_too():
    texts = PersistedQueries(most=10, characters=100)
    for number in range(10):
        texts.put(("acme", str(number)), "x" * 30, 0.0)
    texts.put(("acme", "9"), "y" * 40, 0.0)
    texts.put(("acme", "nothing"), None, 0.0)

    kept = [number for number in range(10) if texts.get(("acme", str(number)))]
    assert kept == [7, 8, 9]
    assert len(texts) == 4
    texts.put(("acme", "large"), "z" * 101, 0.0)
    assert len(texts) == 0

import asyncio
import base64
import json
from contextlib import AsyncExitStack

import pytest
from support.vendor_calls import UNHURRIED, HandClock, a_call, answer, cut

from core.errors import System, Unavailable
from core.secret import Secret
from upstreams.http.link import Link
from upstreams.http.tokens.client_credentials import ClientCredentials
from upstreams.vendors.cplugin.config import CPluginConfig
from upstreams.vendors.cplugin.connection import connect
from upstreams.vendors.hyper.config import HyperConfig
from upstreams.vendors.hyper.tokens import HyperTokens
from upstreams.vendors.kit.token_store import MemoryTokenStore, TokenPair
from upstreams.vendors.kit.vendor import Opening

pytestmark = pytest.mark.anyio


def said(**fields) -> bytes:
    return answer(200, json.dumps(fields).encode())


def grant(token: str, seconds: int = 3600) -> bytes:
    return said(access_token=token, expires_in=seconds, token_type="Bearer")


@pytest.fixture
async def link(stranger):
    opened = Link(System("CPLUGIN"), "main (tokens)", stranger.url, UNHURRIED, HandClock(), label="CPlugin")
    yield opened
    await opened.aclose()


@pytest.fixture
async def tokens(link, stranger):
    stranger.answers = [said(token_endpoint=f"{stranger.url}/connect/token"), grant("one"), grant("two")]
    source = ClientCredentials(link, stranger.url, "our id", Secret("our&secret"))
    yield source
    await source.aclose()


async def test_many_waiters_make_one_token_request(tokens, stranger):
    got = await asyncio.gather(*(tokens.token(a_call()) for _ in range(20)))

    assert {token.reveal() for token in got} == {"one"}
    assert [request.split(b" ")[1] for request in stranger.asked] == [
        b"/.well-known/openid-configuration",
        b"/connect/token",
    ]
    form = b"grant_type=client_credentials&scope=webapi&client_id=our+id&client_secret=our%26secret"
    assert stranger.asked[1].endswith(form)


async def test_it_is_renewed_sixty_seconds_early(tokens, link):
    await tokens.token(a_call())

    link.clock.seconds += 3539
    before = await tokens.token(a_call())
    link.clock.seconds += 2
    after = await tokens.token(a_call())

    assert (before.reveal(), after.reveal()) == ("one", "two")


async def test_many_refused_callers_make_one_renewal(tokens, stranger):
    refused = await tokens.token(a_call())

    got = await asyncio.gather(*(tokens.renew(refused, a_call()) for _ in range(20)))

    assert {token.reveal() for token in got} == {"two"}
    assert len(stranger.asked) == 3


async def test_a_cancelled_waiter_does_not_cancel_the_token_request(tokens, stranger):
    first = asyncio.create_task(tokens.token(a_call()))
    second = asyncio.create_task(tokens.token(a_call()))
    await asyncio.sleep(0)
    first.cancel()

    assert (await second).reveal() == "one"
    assert len(stranger.asked) == 2


async def test_a_token_request_is_on_nobodys_bill(tokens):
    call = a_call()

    await tokens.token(call)

    assert call.tally.calls == {}


async def test_our_secret_goes_to_no_other_host(link, stranger):
    stranger.answers = [said(token_endpoint="http://127.0.0.1:9/connect/token")]
    tokens = ClientCredentials(link, stranger.url, "id", Secret("secret"))

    with pytest.raises(Unavailable):
        await tokens.token(a_call())

    assert len(stranger.asked) == 1
    await tokens.aclose()


async def test_refused_client_credentials_are_the_operators_matter(link, stranger):
    stranger.answers = [
        said(token_endpoint=f"{stranger.url}/connect/token"),
        answer(400, b'{"error":"invalid_client"}'),
    ]
    tokens = ClientCredentials(link, stranger.url, "id", Secret("secret"))

    with pytest.raises(Unavailable) as failed:
        await tokens.token(a_call())

    assert failed.value.message == "CPlugin refuses our credentials; the operator must check them."
    await tokens.aclose()


def hyper(refresh: str) -> HyperConfig:
    return HyperConfig(url="", access_token=Secret("A0"), refresh_token=Secret("R0"), refresh=refresh)


def bearer(request: bytes) -> str:
    return next(
        line[22:].decode() for line in request.split(b"\r\n") if line.lower().startswith(b"authorization: bearer")
    )


class DurableStore(MemoryTokenStore):
    """Notes what had been asked of the vendor when a pair was saved, and can fail to save."""

    broken = False

    async def save(self, access, refresh):
        if self.broken:
            raise OSError("disk full")
        await super().save(access, refresh)


async def test_a_replaced_pair_is_stored_before_it_is_used(link, stranger):
    stranger.answers = [said(AccessToken="A1", RefreshToken="R1"), said(AccessToken="A2", RefreshToken="R2")]
    store = DurableStore()
    tokens = HyperTokens(hyper("replaceable"), link, store)

    first = await tokens.renew(await tokens.token(a_call()), a_call())
    store.broken = True
    with pytest.raises(OSError, match="disk full"):
        await tokens.renew(first, a_call())

    assert (await tokens.token(a_call())).reveal() == "A1"
    assert store.pair == TokenPair(Secret("A1"), Secret("R1"))
    assert [bearer(request) for request in stranger.asked] == ["R0", "R1"]
    await tokens.aclose()


async def test_a_pair_that_another_process_stored_is_taken_over(link, stranger):
    store = MemoryTokenStore()
    slow, fast = (HyperTokens(hyper("replaceable"), link, store) for _ in range(2))
    stranger.answers = [said(AccessToken="A1", RefreshToken="R1")]
    refused = await slow.token(a_call())
    await fast.renew(await fast.token(a_call()), a_call())

    taken = await slow.renew(refused, a_call())

    assert taken.reveal() == "A1"
    assert len(stranger.asked) == 1
    await slow.aclose()
    await fast.aclose()


async def test_a_lost_pair_is_replaced_by_the_settings(link, stranger):
    stranger.answers = [answer(401, b'{"ResponseCode":99}'), said(AccessToken="A9", RefreshToken="R9")]
    store = MemoryTokenStore(TokenPair(Secret("dead"), Secret("dead too")))
    tokens = HyperTokens(hyper("replaceable"), link, store)

    fresh = await tokens.renew(await tokens.token(a_call()), a_call())

    assert fresh.reveal() == "A9"
    assert [bearer(request) for request in stranger.asked] == ["dead too", "R0"]
    await tokens.aclose()


async def test_a_fixed_refresh_token_stays(link, stranger):
    stranger.answers = [said(AccessToken="A1")]
    store = MemoryTokenStore()
    tokens = HyperTokens(hyper("fixed"), link, store)

    await tokens.renew(await tokens.token(a_call()), a_call())

    assert store.pair == TokenPair(Secret("A1"), Secret("R0"))
    await tokens.aclose()


async def test_without_a_refresh_the_operator_has_to_look(link, stranger):
    tokens = HyperTokens(hyper("none"), link, MemoryTokenStore())

    with pytest.raises(Unavailable):
        await tokens.renew(await tokens.token(a_call()), a_call())

    assert stranger.asked == []
    await tokens.aclose()


async def test_a_refresh_that_got_lost_is_not_repeated(link, stranger):
    stranger.answers = [cut, said(AccessToken="A1", RefreshToken="R1")]
    tokens = HyperTokens(hyper("replaceable"), link, MemoryTokenStore())

    with pytest.raises(Unavailable):
        await tokens.renew(await tokens.token(a_call()), a_call())

    assert len(stranger.asked) == 1
    await tokens.aclose()


async def test_o13_a_token_endpoint_of_the_settings_needs_no_discovery_document_and_may_take_basic(stranger):
    """RFC 6749, 2.3.1: id and secret are encoded before they are joined."""
    stranger.answers = [grant("one")]
    config = CPluginConfig(
        url=stranger.url,
        auth_url="https://auth.example.com",
        client_id="our id",
        client_secret=Secret("our&secret"),
        token_url=f"{stranger.url}/oauth/{{tenant}}/token",
        auth_method="basic",
    )
    async with AsyncExitStack() as stack:
        opening = Opening(
            system=System("CPLUGIN"),
            label="CPlugin",
            path="cplugin.main",
            name="main",
            clock=HandClock(),
            stack=stack,
            token_stores=lambda _path: MemoryTokenStore(),
            links=[],
        )
        connection = connect(opening, config)
        token = await connection.authorised._tokens.token(a_call())  # noqa: SLF001 - no read of a vendor is needed.

    assert token.reveal() == "one"
    [request] = stranger.asked
    assert request.startswith(b"POST /oauth/{tenant}/token HTTP/1.1\r\n")
    assert request.endswith(b"grant_type=client_credentials&scope=webapi")
    credentials = base64.b64encode(b"our+id:our%26secret")
    assert b"authorization: Basic " + credentials in request.replace(b"Authorization:", b"authorization:")

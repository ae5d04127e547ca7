"""An issuer's keys over its life: rotation, an issuer that is away or lies, and how seldom it is asked."""

import asyncio
import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwk
from structlog.testing import capture_logs
from support.issuers import AUDIENCE, issuing

from api.identity.jwks import IssuerKeys, SigningKeysUnavailable, read_keys
from api.settings.oidc import OidcConfig
from upstreams.http.fetch import Fetcher, FetchFailed

pytestmark = pytest.mark.anyio


class TurnedClock:
    """Seconds that a test turns on; `sleep` turns them itself, and ends the loop that sleeps too often."""

    def __init__(self):
        self.seconds = 1000.0
        self.slept = []

    def monotonic(self):
        return self.seconds

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)


@pytest.fixture
def issuer():
    with issuing() as running:
        yield running


@pytest.fixture
async def known(issuer):
    fetcher = Fetcher()
    clock = TurnedClock()

    def make(**settings):
        facts = {"issuer": issuer.url, "audience": (AUDIENCE,), "jwks_uri": f"{issuer.url}/jwks"}
        return clock, IssuerKeys(OidcConfig(**facts | settings), fetcher, clock)

    yield make
    await fetcher.aclose()


async def test_keys_are_fetched_once_for_all_waiters(issuer, known):
    _, keys = known()

    found = await asyncio.gather(*(keys.find("one") for _ in range(20)))

    assert all(found)
    assert issuer.asked == ["/jwks"]


async def test_a_new_key_is_met_at_its_first_token_and_an_old_one_is_gone_with_the_next_fetch(issuer, known):
    clock, keys = known()
    await keys.find("one")
    issuer.new_key("two")
    del issuer.keys["one"]

    before = await keys.find("one")
    clock.seconds += 10
    new = await keys.find("two")

    assert before
    assert new
    assert await keys.find("one") is None
    assert issuer.asked == ["/jwks"] * 2


async def test_tokens_with_made_up_keys_make_the_issuer_be_asked_no_oftener_than_allowed(issuer, known):
    clock, keys = known()
    await keys.find("one")

    clock.seconds += 1
    for number in range(100):
        with pytest.raises(SigningKeysUnavailable) as caught:
            await keys.find(f"made-up-{number}")
        assert caught.value.retry_after_seconds == 9
    clock.seconds += 9
    found = await asyncio.gather(*(keys.find(f"other-{number}") for number in range(50)))
    assert found == [None] * 50

    assert issuer.asked == ["/jwks"] * 2


async def test_known_keys_work_while_the_issuer_is_away_and_no_longer_than_allowed(issuer, known):
    clock, keys = known(keys_stale_seconds=3600)
    await keys.find("one")
    issuer.status = 503

    clock.seconds += 3600
    kept = await keys.find("one")
    with pytest.raises(SigningKeysUnavailable, match="next fetch"):
        await keys.find("two")
    clock.seconds += 1

    assert kept
    with pytest.raises(SigningKeysUnavailable):
        await keys.find("one")


async def test_an_issuer_that_was_never_there_is_away_and_asked_again_later(issuer, known):
    clock, keys = known()
    issuer.status = 500

    for _ in range(5):
        with pytest.raises(SigningKeysUnavailable):
            await keys.find("one")
    asked_while_away = len(issuer.asked)
    issuer.status = 200
    clock.seconds += 10

    assert asked_while_away == 1
    assert await keys.find("one")


@pytest.mark.parametrize("answer", [[], [{"kty": "oct", "k": "c2VjcmV0", "kid": "one"}], [{"kty": "EC"}], [{}]])
async def test_an_answer_without_a_usable_key_does_not_push_out_those_that_work(issuer, known, answer):
    clock, keys = known()
    await keys.find("one")
    issuer.published = answer

    clock.seconds += 10

    assert not await keys.refresh()
    assert await keys.find("one")


ODD = [17, None, [], "key", {}, {"kty": "XYZ", "kid": "x"}, {"kty": ["RSA"], "kid": "x"}, {"kty": "EC", "kid": "x"},
       {"kty": "EC", "crv": ["P-256"], "x": 1, "y": {}, "kid": "x"}, {"kty": "RSA", "n": "AQAB", "e": 3, "kid": "x"},
       {"kty": "RSA", "n": {}, "e": None, "kid": "x"}, {"kty": "OKP", "crv": "Nothing", "x": "AA", "kid": "x"},
       {"kty": "oct", "k": "c2VjcmV0", "kid": "one"}, {"kty": 7, "kid": 7}]  # fmt: skip


async def test_i2_odd_entries_of_a_key_set_are_skipped(issuer, known):
    _, keys = known()
    good = issuer.jwks()["keys"][0]
    for odd in ODD:
        issuer.published = [odd, good, odd]
        assert await keys.refresh()
        assert await keys.find("one")


async def test_i2_the_good_key_may_come_after_a_hundred_others(issuer, known):
    _, keys = known()
    good = issuer.jwks()["keys"][0]
    issuer.published = [good | {"kid": f"other-{number}"} for number in range(100)] + ODD * 20 + [good]

    assert await keys.find("one")


NAMES = st.sampled_from(["kty", "kid", "use", "n", "e", "crv", "x", "y", "alg"])
WORDS = st.sampled_from(["RSA", "EC", "OKP", "P-256", "Ed25519", "sig", "AQAB", "", None, 7, True, 0.5])
ENTRIES = st.recursive(
    WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=9), max_leaves=12
)


@settings(max_examples=200)
@given(ENTRIES)
def test_i2_no_entry_costs_another_key(entry):
    good = jwk.generate_key("EC", "P-256", {"kid": "one"}).as_dict(private=False)

    assert "one" in read_keys(msgspec.json.encode({"keys": [good, entry]})).usable


async def test_i3_a_new_key_is_not_known_yet_until_the_next_fetch_is_allowed(issuer, known):
    clock, keys = known()
    await keys.find("one")
    clock.seconds += 10
    assert await keys.find("made-up") is None
    issuer.new_key("two")

    clock.seconds += 3
    with pytest.raises(SigningKeysUnavailable) as caught:
        await keys.find("two")
    clock.seconds += caught.value.retry_after_seconds

    assert caught.value.retry_after_seconds == 7
    assert await keys.find("two")
    assert issuer.asked == ["/jwks"] * 3


async def test_i3_a_key_is_unknown_only_if_the_issuer_was_asked_since_the_token_came(issuer, known):
    """A fetch that began before the token came may have seen the keys of before."""
    clock, keys = known()
    fetch, began = keys.fetch, asyncio.Event()

    async def slow():
        found = await fetch()
        began.set()
        await asyncio.sleep(0.2)
        return found

    keys.fetch = slow
    first = asyncio.create_task(keys.refresh())
    await began.wait()
    issuer.new_key("two")
    clock.seconds += 1

    with pytest.raises(SigningKeysUnavailable):
        await keys.find("two")
    assert await first
    assert issuer.asked == ["/jwks"]


async def test_i4_a_key_without_a_kid_is_named(issuer, known):
    _, keys = known()
    key = {name: value for name, value in issuer.jwks()["keys"][0].items() if name != "kid"}
    issuer.published = [key]

    with capture_logs() as lines:
        assert not await keys.refresh()
        issuer.published = [key, key | {"kid": "one"}, key]
        assert await keys.refresh()

    assert [line["event"] for line in lines] == ["oidc.keys_not_fetched", "oidc.keys_skipped"]
    assert lines[0]["problem"] == "the key set holds no key that could be used (1 with no kid)"
    assert lines[1]["skipped"].startswith("2 with no kid")


async def test_a_redirect_a_flood_or_a_packed_answer_is_no_answer(issuer, known):
    _, keys = known()
    issuer.status = 302
    assert not await keys.refresh()

    issuer.status = 200
    issuer.published = [{"kid": "x" * 300_000}]
    assert not await keys.refresh()


async def test_the_background_fetches_at_its_pace_and_sooner_after_a_failure(issuer, known):
    clock, keys = known(keys_refresh_seconds=300, keys_refresh_at_most_every_seconds=10)
    states = itertools.chain([200, 503, 503, 200])

    async def next_state(seconds):
        clock.slept.append(seconds)
        clock.seconds += seconds
        issuer.status = next(states, None)
        if issuer.status is None:
            raise asyncio.CancelledError

    clock.sleep = next_state
    with pytest.raises(asyncio.CancelledError):
        await keys.keep_fresh()

    assert clock.slept == [300, 300, 10, 10, 300]


async def test_keys_are_where_the_discovery_document_says(issuer, known):
    _, keys = known(jwks_uri=None)

    assert await keys.find("one")
    assert issuer.asked == ["/.well-known/openid-configuration", "/jwks"]


@pytest.mark.parametrize(
    "lie", [{"issuer": "https://evil.example.com"}, {"jwks_uri": "http://evil.example.com/jwks"}, {"jwks_uri": 7},
            {"jwks_uri": "file:///etc/passwd"}, {"jwks_uri": "//x"}, {"jwks_uri": "http://[/"}]
)  # fmt: skip
async def test_a_discovery_document_of_another_issuer_is_refused(issuer, known, lie):
    _, keys = known(jwks_uri=None)
    issuer.discovery = lie

    with pytest.raises(SigningKeysUnavailable):
        await keys.find("one")
    assert issuer.asked == ["/.well-known/openid-configuration"]


def test_only_public_signature_keys_of_a_good_size_are_taken(issuer):
    issuer.new_key("rsa", "RSA")
    good = issuer.keys["rsa"].as_dict(private=True)
    small = good | {"kid": "small", "n": good["n"][:170]}
    entries = [
        good,
        small,
        good | {"kid": "encrypts", "use": "enc"},
        good | {"kid": 7},
        good | {"n": "!"},
        {"kty": "oct"},
    ]

    keys = read_keys(msgspec.json.encode({"keys": entries}))

    assert keys.usable.keys() == {"rsa"}
    assert not keys.usable["rsa"].is_private
    for nonsense in (b"", b"[]", b"{}", b'{"keys": 7}', b"\xff", b'{"keys": []}'):
        with pytest.raises(FetchFailed):
            read_keys(nonsense)

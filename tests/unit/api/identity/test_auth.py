from datetime import UTC, datetime, timedelta

import pytest

from api.identity.api_keys import Authenticator, Unauthenticated, bearer
from core.errors import System, Unavailable
from core.secret import Secret
from upstreams.state.api_keys import KeyRecord

pytestmark = pytest.mark.anyio
KEY = bearer("Bearer key")
START = datetime(2026, 1, 1, tzinfo=UTC)


class TurnedClock:
    def __init__(self):
        self.seconds = 0.0

    def now(self):
        return START + timedelta(seconds=self.seconds)

    def monotonic(self):
        return self.seconds


class Store:
    """A key store that knows one key, and may be away."""

    def __init__(self, record):
        self.record = record
        self.is_away = False
        self.asked = 0

    async def find(self, _key):
        self.asked += 1
        if self.is_away:
            raise Unavailable("away", system=System("ERP_DATABASE"))
        return self.record


def house(**facts):
    clock = TurnedClock()
    store = Store(KeyRecord("id", "partner", ("client:read",), (1, 2), **facts))
    return clock, store, Authenticator(store, clock, 10, 300)


async def test_a_key_is_looked_up_once_for_as_long_as_it_is_believed():
    clock, store, authenticator = house()

    callers = [await authenticator.caller(KEY) for _ in range(3)]
    clock.seconds = 9.9
    callers.append(await authenticator.caller(bearer("bearer key")))
    before = store.asked
    clock.seconds = 10
    await authenticator.caller(KEY)

    assert {(c.name, c.principal, c.scopes, c.agencies) for c in callers} == {
        ("id", "partner", frozenset({"client:read"}), (1, 2))
    }
    assert (before, store.asked) == (1, 2)


async def test_a_revoked_key_ends_when_it_is_believed_no_longer():
    clock, store, authenticator = house()
    await authenticator.caller(KEY)

    store.record = None
    clock.seconds = 10

    with pytest.raises(Unauthenticated):
        await authenticator.caller(KEY)


async def test_a_known_key_outlives_the_state_database_for_a_while_and_no_longer():
    clock, store, authenticator = house()
    await authenticator.caller(KEY)
    store.is_away = True

    clock.seconds = 299
    kept = await authenticator.caller(KEY)
    clock.seconds = 300

    assert kept.name == "id"
    with pytest.raises(Unavailable):
        await authenticator.caller(KEY)
    with pytest.raises(Unavailable):
        await authenticator.caller(Secret("another"))


async def test_a_database_that_is_away_is_not_asked_again_for_every_request():
    clock, store, authenticator = house()
    await authenticator.caller(KEY)
    store.is_away = True
    clock.seconds = 10

    for _ in range(3):
        await authenticator.caller(KEY)
    asked_while_away = store.asked
    clock.seconds = 20
    store.record = None
    store.is_away = False

    assert asked_while_away == 2
    with pytest.raises(Unauthenticated):
        await authenticator.caller(KEY)


async def test_a_refused_key_is_not_believed_while_the_database_is_away():
    clock, store, authenticator = house()
    store.record = None
    with pytest.raises(Unauthenticated):
        await authenticator.caller(KEY)

    store.is_away = True
    clock.seconds = 11

    with pytest.raises(Unavailable):
        await authenticator.caller(KEY)


async def test_a_key_that_expires_while_it_is_kept_is_over_at_once():
    clock, store, authenticator = house(expires_at=START + timedelta(seconds=5))
    clock.seconds = 4.9
    await authenticator.caller(KEY)

    clock.seconds = 5
    store.is_away = True

    with pytest.raises(Unauthenticated):
        await authenticator.caller(KEY)


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic key", "key", "Bearer k\u00e9y", "Bearer " + "k" * 513]
)
async def test_what_cannot_be_a_key_is_never_looked_up(header):
    _clock, store, authenticator = house()

    with pytest.raises(Unauthenticated) as refused:
        await authenticator.caller(bearer(header))

    assert store.asked == 0
    assert "k" * 20 not in str(refused.value)

"""Idempotency-Key as the vendor's SDK readme describes it."""

import asyncio
from uuid import uuid4

import httpx
import pytest
from support.clients import http_client

from sandbox.settings import CPLUGIN_CLIENT_ID, CPLUGIN_CLIENT_SECRET, SERVERS

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

TRANSACTION = f"/api/v2/MT4/{SERVERS[0].vendor_id}/TradeTransaction"
GRANT = {"grant_type": "client_credentials", "scope": "webapi"}


class Desk:
    """One account, one key, one comment: what was booked is what the platform's own book says."""

    def __init__(self, upstream, database, box, login) -> None:
        self.upstream, self.database, self.box, self.login = upstream, database, box, login
        self.key, self.comment = str(uuid4()), uuid4().hex[:31]

    async def deposit(self, price: object = 10, key: str | None = None) -> httpx.Response:
        body = {
            "tradeTransactionType": "BrBalance",
            "tradeCommand": "Balance",
            "orderBy": self.login,
            "price": price,
            "comment": self.comment,
        }
        return await self.upstream.post(TRANSACTION, json=body, headers={"idempotency-key": key or self.key})

    async def settled(self) -> httpx.Response:
        """The first answer that is not "in-progress" any more."""
        while True:
            answer = await self.deposit()
            if answer.headers.get("x-request-outcome") != "in-progress":
                return answer
            await asyncio.sleep(0.01)

    async def tickets(self) -> list[int]:
        query = "SELECT ticket FROM platform.deal WHERE server = 'R1' AND comment = $1 ORDER BY ticket"
        return [row["ticket"] for row in await self.database.fetch(query, self.comment)]

    def misbehave(self, code: str, **fields) -> None:
        order = {"fault": "business_error", "code": code, "times": 1} | fields
        self.box.tell("cplugin", "/misbehave", order)

    def turn_clock(self, seconds: float) -> None:
        self.box.tell("cplugin", "/clock", {"advance_seconds": seconds})


@pytest.fixture
async def desk(box, database):
    async with http_client(base_url=box.urls["cplugin"], timeout=20) as upstream:
        credentials = (CPLUGIN_CLIENT_ID, CPLUGIN_CLIENT_SECRET)
        # The clock is turned by hours; the token has to outlive that.
        box.tell("cplugin_auth", "/settings", {"expires_in": 100_000})
        answer = await upstream.post(f"{box.urls['cplugin_auth']}/connect/token", data=GRANT, auth=credentials)
        upstream.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
        login = await database.fetchval("SELECT min(login) FROM platform.account WHERE server = 'R1' AND enabled")
        yield Desk(upstream, database, box, login)


def refusal(answer: httpx.Response) -> tuple[int, str, str | None]:
    return answer.status_code, answer.json()["error"]["code"], answer.headers.get("x-request-outcome")


async def test_a_repeat_within_the_minute_gets_the_same_envelope(desk):
    first = await desk.deposit()
    desk.turn_clock(59)
    again = await desk.deposit()

    assert again.content == first.content
    assert await desk.tickets() == [first.json()["data"]["order"]]


async def test_after_the_minute_the_key_executes_again(desk):
    await desk.deposit()
    desk.turn_clock(61)
    await desk.deposit()

    assert len(await desk.tickets()) == 2


async def test_twins_with_one_key_execute_once(desk):
    answers = await asyncio.gather(*(desk.deposit() for _ in range(10)))

    (ticket,) = await desk.tickets()
    for answer in answers:
        body = answer.json()
        if body["error"] is None:
            assert body["data"]["order"] == ticket
        else:
            assert refusal(answer) == (200, "OutcomeUnknown", "in-progress")


async def test_after_an_unknown_outcome_the_real_result_waits_for_an_hour(desk):
    desk.misbehave("OutcomeUnknown", apply=True)

    unknown = await desk.deposit()
    desk.turn_clock(3500)
    result = await desk.deposit()

    assert refusal(unknown) == (200, "OutcomeUnknown", "unknown")
    assert await desk.tickets() == [result.json()["data"]["order"]]


async def test_an_unknown_outcome_keeps_the_key_for_an_hour(desk):
    desk.misbehave("OutcomeUnknown")

    unknown = await desk.deposit()
    desk.turn_clock(3500)
    still = await desk.deposit()
    desk.turn_clock(200)
    executed = await desk.deposit()

    assert refusal(unknown) == refusal(still) == (200, "OutcomeUnknown", "unknown")
    assert await desk.tickets() == [executed.json()["data"]["order"]]


async def test_while_the_first_one_runs_a_second_is_not_executed(desk):
    desk.misbehave("OutcomeUnknown", apply=True, seconds=60)

    unknown = await desk.deposit()
    meanwhile = await desk.deposit()
    booked_meanwhile = await desk.tickets()
    desk.box.tell("cplugin", "/reset")
    later = await desk.settled()

    assert refusal(unknown) == (200, "OutcomeUnknown", "unknown")
    assert refusal(meanwhile) == (200, "OutcomeUnknown", "in-progress")
    assert booked_meanwhile == []
    assert await desk.tickets() == [later.json()["data"]["order"]]


async def test_busy_was_never_sent_and_leaves_the_key_free(desk):
    desk.misbehave("Busy")

    busy = await desk.deposit()
    executed = await desk.deposit()

    assert refusal(busy) == (200, "Busy", "not-started")
    assert await desk.tickets() == [executed.json()["data"]["order"]]


@pytest.mark.parametrize("code", ["NotEnoughRights", "TradeDisable", "TooFrequent"])
async def test_the_managers_refusals_come_behind_mt4error(desk, code):
    desk.misbehave(code)

    answer = await desk.deposit()

    assert (answer.json()["error"]["code"], answer.json()["error"]["managerCode"]) == ("MT4Error", code)
    assert await desk.tickets() == []


async def test_one_key_with_another_body_is_refused(desk):
    first = await desk.deposit(10)
    other = await desk.deposit(11)

    assert refusal(other) == (200, "Validation", None)
    assert await desk.tickets() == [first.json()["data"]["order"]]


async def test_a_trade_servers_refusal_is_kept_for_its_key(desk):
    first = await desk.deposit(0)
    again = await desk.deposit(0)

    assert first.json()["error"]["managerCode"] == "InvalidData"
    assert again.content == first.content


async def test_a_lost_answer_is_fetched_with_the_key(desk):
    desk.box.tell("cplugin", "/misbehave", {"fault": "drop_after", "path": "TradeTransaction", "times": 1})

    with pytest.raises(httpx.TransportError):
        await desk.deposit()
    again = await desk.deposit()

    assert await desk.tickets() == [again.json()["data"]["order"]]


@pytest.mark.parametrize("key", ["k" * 256, "k\tk"])
async def test_a_key_has_up_to_255_printable_characters(desk, key):
    assert refusal(await desk.deposit(key=key)) == (200, "Validation", None)
    assert await desk.tickets() == []

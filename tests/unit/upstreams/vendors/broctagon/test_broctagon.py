import hashlib
import hmac
import json
from datetime import date
from decimal import Decimal

import pytest
from support.vendor_calls import UNHURRIED, a_call, answer, cut

from core.clock import Clock
from core.commands import AccountRequestCommand
from core.errors import OutcomeUnknown, Reason, Rejected, System, Unavailable
from core.secret import Secret
from upstreams.http.link import Link
from upstreams.vendors.broctagon.config import BroctagonConfig
from upstreams.vendors.broctagon.crm import MOST_REPORT_PAGES, PAGE_ROWS, Broctagon, sign
from upstreams.vendors.broctagon.refusals import REFUSAL_TYPES, find_refusal_type

pytestmark = pytest.mark.anyio

COMMAND = AccountRequestCommand("abcdefgh", "conn0001", "ctrader", leverage=Decimal("0.50"), group="G", currency="EUR")


@pytest.fixture
async def crm(stranger):
    config = BroctagonConfig(url=stranger.url, key=Secret("the key"))
    opened = Broctagon(config, Link(System("BROCTAGON"), "broctagon", stranger.url, UNHURRIED, Clock()))
    yield opened
    await opened.aclose()


async def send(crm):
    return await (await crm.prepare_request(COMMAND, a_call())).send()


def test_the_published_example_of_a_signature():
    key = Secret("It's a Secret to Everybody")

    assert sign(b"Hello, World!", key) == "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


async def test_the_signature_is_over_the_bytes_that_are_sent(crm, stranger):
    await send(crm)

    head, body = stranger.asked[0].split(b"\r\n\r\n")
    expected = hmac.new(b"the key", body, hashlib.sha256).hexdigest()
    assert f"signature: sha256={expected}".encode() in head
    assert b"key: the key" in head
    assert json.loads(body, parse_float=Decimal) == {
        "user_id": "abcdefgh",
        "connection_id": "conn0001",
        "platform": "ctrader",
        "leverage": Decimal("0.50"),
        "group": "G",
        "currency": "EUR",
    }


REASONS = {
    "trading_account_limit_exceeded": Reason.ACCOUNT_LIMIT_REACHED,
    "pending_requests_exist": Reason.REQUEST_ALREADY_PENDING,
    "servce_is_demo": Reason.DEMO_CONNECTION_NOT_ALLOWED,
    "service_is_demo": Reason.DEMO_CONNECTION_NOT_ALLOWED,
    "mt4_connection_not_found": Reason.CONNECTION_NOT_FOUND,
    "mt5_connection_not_found": Reason.CONNECTION_NOT_FOUND,
    "trade_connection_not_found": Reason.CONNECTION_NOT_FOUND,
    "invalid_account_type": Reason.INVALID_ACCOUNT_TYPE,
    "mt4_account_not_found": Reason.NOT_FOUND,
    "insufficient_funds": Reason.INSUFFICIENT_FUNDS,
}


@pytest.mark.parametrize("name", ["type", "error", "message", "elsewhere"])
@pytest.mark.parametrize("kind,reason", REASONS.items())
async def test_each_documented_refusal(crm, stranger, kind, reason, name):
    stranger.answers = [answer(400, json.dumps({name: kind}).encode())]

    with pytest.raises(Rejected) as refused:
        await send(crm)

    assert (refused.value.reason, refused.value.upstream_code) == (reason, kind)


def test_no_refusal_is_left_out():
    assert set(REASONS) == set(REFUSAL_TYPES)


async def test_a_refusal_of_another_type_is_final_too(crm, stranger):
    stranger.answers = [answer(400, b'{"type":"something_new"}')]

    with pytest.raises(Rejected) as refused:
        await send(crm)

    assert (refused.value.reason, refused.value.upstream_code) == (Reason.UPSTREAM_REFUSED, "400")


async def test_a_refused_key_is_the_operators_matter(crm, stranger):
    stranger.answers = [answer(403, b"")]

    with pytest.raises(Unavailable) as failed:
        await send(crm)

    assert failed.value.detail == "our key or its signature is refused"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"id":1}', b"null"])
async def test_a_200_is_accepted_whatever_json_it_carries(crm, stranger, body):
    stranger.answers = [answer(200, body)]

    assert await send(crm) is None


async def test_a_page_is_no_acceptance(crm, stranger):
    stranger.answers = [answer(200, b"<html>")]

    with pytest.raises(OutcomeUnknown):
        await send(crm)


@pytest.mark.parametrize("body", [b"", b"null", b"7", b'{"type":7}', b"\xff"])
def test_a_body_that_names_nothing(body):
    assert find_refusal_type(body) is None


@pytest.mark.parametrize("reply", [answer(200, b""), answer(400, b'{"type":"pending_requests_exist"}')])
async def test_asking_again_finds_the_request_or_makes_it(crm, stranger, reply):
    stranger.answers = [cut, reply]
    with pytest.raises(OutcomeUnknown):
        await send(crm)

    await crm.reconcile_request(COMMAND, a_call())

    assert len(stranger.asked) == 2
    assert stranger.asked[0] == stranger.asked[1]


@pytest.mark.parametrize("kind", sorted(set(REASONS) - {"pending_requests_exist", "trading_account_limit_exceeded"}))
async def test_a_refusal_that_applied_the_first_time_too_ends_the_instruction(crm, stranger, kind):
    stranger.answers = [answer(400, json.dumps({"type": kind}).encode())]

    with pytest.raises(Rejected) as refused:
        await crm.reconcile_request(COMMAND, a_call())

    assert refused.value.upstream_code == kind


@pytest.mark.parametrize(
    "reply",
    [
        # The account that fills the limit may be the one from our own request.
        answer(400, b'{"type":"trading_account_limit_exceeded"}'),
        answer(400, b'{"type":"something_new"}'),
        answer(403),
        answer(404),
        answer(429),
        answer(500),
        answer(200, b"<html>"),
        cut,
    ],
    ids=["limit", "new", "403", "404", "429", "500", "page", "cut"],
)
async def test_anything_else_leaves_the_request_in_doubt(crm, stranger, reply):
    stranger.answers = [reply]

    with pytest.raises(OutcomeUnknown):
        await crm.reconcile_request(COMMAND, a_call())


async def test_a_request_stays_in_doubt_when_the_crm_cannot_be_asked_again(crm, stranger):
    stranger.answers = [answer(500)]
    for _ in range(UNHURRIED.breaker_failures):
        with pytest.raises(OutcomeUnknown):
            await crm.reconcile_request(COMMAND, a_call())

    with pytest.raises(OutcomeUnknown) as doubt:
        await crm.reconcile_request(COMMAND, a_call())

    assert doubt.value.detail == "breaker open"
    assert doubt.value.retry_after_seconds > 0
    assert len(stranger.asked) == UNHURRIED.breaker_failures


def page(first: int, rows: int) -> bytes:
    records = [{"id": number, "comment": f"R{number}"} for number in range(first, first + rows)]
    return answer(200, json.dumps({"count": rows, "records": records}).encode())


async def test_the_report_is_read_to_its_end(crm, stranger):
    stranger.answers = [page(0, PAGE_ROWS), page(PAGE_ROWS, PAGE_ROWS), page(2 * PAGE_ROWS, 0)]

    rows, _ = await crm.transactions(date(2026, 3, 28), date(2026, 4, 1), a_call())

    assert [row.id for row in rows] == list(range(2 * PAGE_ROWS))
    asked = [json.loads(request.split(b"\r\n\r\n")[1]) for request in stranger.asked]
    assert asked == [
        {"skip": skip, "limit": 500, "start": "2026-03-28", "end": "2026-04-01"}
        for skip in (0, PAGE_ROWS, 2 * PAGE_ROWS)
    ]


async def test_a_report_without_an_end_proves_nothing(crm, stranger):
    stranger.answers = [page(0, PAGE_ROWS)]

    with pytest.raises(Unavailable, match="more transactions than can be searched"):
        await crm.transactions(date(2026, 3, 28), date(2026, 4, 1), a_call())

    assert len(stranger.asked) == MOST_REPORT_PAGES

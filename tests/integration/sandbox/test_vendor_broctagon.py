import asyncio
import hmac
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from uuid import uuid4

import httpx
import pytest
from support.clients import http_client

from sandbox.settings import BROCTAGON_KEY

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

REQUESTS, TRANSACTIONS = "/public/v1/requests/account", "/public/v1/report/transactions"


def signature(body: bytes, key: str = BROCTAGON_KEY) -> str:
    return "sha256=" + hmac.new(key.encode(), body, sha256).hexdigest()


@pytest.fixture
async def broctagon(box):
    async with http_client(base_url=box.urls["broctagon"], headers={"key": BROCTAGON_KEY}, timeout=20) as it:
        yield it


async def send(broctagon, path: str, body: object, **headers: str) -> httpx.Response:
    raw = json.dumps(body).encode()
    return await broctagon.post(path, content=raw, headers={"signature": signature(raw)} | headers)


@pytest.fixture
async def account(database):
    """An account of the CRM's own MT4 server, of any owner."""
    return await database.fetchrow("SELECT * FROM platform.account WHERE server = 'A1' AND currency = 'USD' LIMIT 1")


@pytest.fixture
async def user_id(database) -> str:
    """A user without an account on any connection and without requests, so that tests do not meet."""
    return await database.fetchval("""
        SELECT id FROM crm.user_account u
        WHERE NOT EXISTS (SELECT FROM platform.account WHERE crm_user_id = u.id AND server = 'A1')
          AND NOT EXISTS (SELECT FROM crm.account_request WHERE user_id = u.id)
        ORDER BY id DESC LIMIT 1
    """)


async def requests_of(database, user_id: str) -> int:
    return await database.fetchval("SELECT count(*) FROM crm.account_request WHERE user_id = $1", user_id)


VALID = {
    "mt4": {"platform": "mt4", "connection_id": "mt4live1", "leverage": 1, "account_type_id": "typemt41"},
    "mt5": {"platform": "mt5", "connection_id": "mt5live1", "leverage": 5000},
    "mtr": {"platform": "mtr", "connection_id": "mtrlive1", "offer_uuid": "o"},
    "wta": {"platform": "wta", "connection_id": "wtalive1", "group": "g", "account_type_id": ""},
    "ctrader": {"platform": "ctrader", "connection_id": "ctrlive1", "leverage": 100, "group": "g", "currency": "USD"},
    "fortex": {
        "platform": "fortex",
        "connection_id": "fortex01",
        "leverage": 0.01,
        "group": "g",
        "currency": "USD",
        "fortex_username": "f",
    },
}


@pytest.mark.parametrize("platform", VALID)
async def test_takes_a_request_for_each_platform(broctagon, database, user_id, platform):
    order = {"user_id": user_id, "something": "else"} | VALID[platform] | {"platform": platform.upper()}

    answer = await send(broctagon, REQUESTS, order)

    assert (answer.status_code, answer.json()) == (200, {})
    kept = await database.fetchrow("SELECT platform, status FROM crm.account_request WHERE user_id = $1", user_id)
    assert tuple(kept) == (platform, "pending")


@pytest.mark.parametrize(
    "platform, fields, kind",
    [
        ("mt4", {"connection_id": "nowhere1"}, "mt4_connection_not_found"),
        ("mt4", {"connection_id": "mt5live1"}, "mt4_connection_not_found"),
        ("mt5", {"connection_id": "nowhere1"}, "mt5_connection_not_found"),
        ("wta", {"connection_id": "nowhere1"}, "trade_connection_not_found"),
        ("ctrader", {"connection_id": "nowhere1"}, "trade_connection_not_found"),
        ("fortex", {"connection_id": "nowhere1"}, "trade_connection_not_found"),
        ("mt4", {"connection_id": "mt4demo1", "account_type_id": ""}, "servce_is_demo"),
        ("mt4", {"connection_id": "mt4full1", "account_type_id": ""}, "trading_account_limit_exceeded"),
        ("mt4", {"account_type_id": "typemt51"}, "invalid_account_type"),
        ("mt4", {"account_type_id": "nothing1"}, "invalid_account_type"),
        ("wta", {"account_type_id": "typemt41"}, "validation_error"),
        ("mtr", {"account_type_id": "typemt41"}, "validation_error"),
        ("mt4", {"leverage": 0.5}, "validation_error"),
        ("mt4", {"leverage": 5001}, "validation_error"),
        ("mt4", {"leverage": "100"}, "validation_error"),
        ("fortex", {"leverage": 0.009}, "validation_error"),
        ("mt4", {"platform": "mt6"}, "validation_error"),
        ("mtr", {"offer_uuid": None}, "validation_error"),
        ("wta", {"group": None}, "validation_error"),
        ("ctrader", {"currency": None}, "validation_error"),
        ("fortex", {"fortex_username": None}, "validation_error"),
    ],
)
async def test_refuses_by_type_and_keeps_nothing(broctagon, database, user_id, platform, fields, kind):
    answer = await send(broctagon, REQUESTS, {"user_id": user_id} | VALID[platform] | fields)

    assert (answer.status_code, answer.json()["type"]) == (400, kind)
    assert await requests_of(database, user_id) == 0


async def test_one_open_request_on_a_connection(broctagon, database, user_id):
    order = {"user_id": user_id} | VALID["mt4"]

    async with database.transaction():
        # All of them have looked for an open request, if they may, before the first one is kept.
        await database.execute("LOCK TABLE crm.account_request IN EXCLUSIVE MODE")
        calls = [asyncio.create_task(send(broctagon, REQUESTS, order)) for _ in range(5)]
        await asyncio.wait(calls, timeout=0.5)
    answers = [await call for call in calls]
    elsewhere = await send(broctagon, REQUESTS, {"user_id": user_id} | VALID["mt5"])

    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400, 400]
    assert {answer.json()["type"] for answer in answers if answer.status_code == 400} == {"pending_requests_exist"}
    assert elsewhere.status_code == 200
    assert await requests_of(database, user_id) == 2


async def test_an_unknown_user_is_not_found(broctagon):
    assert (await send(broctagon, REQUESTS, {"user_id": "nobody00"} | VALID["mt4"])).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"key": "other"}, id="wrong key"),
        pytest.param({"signature": "sha256=" + "0" * 64}, id="wrong signature"),
        pytest.param({"signature": ""}, id="no signature"),
        pytest.param({"signature": signature(b"{}", "other")}, id="signed with another key"),
    ],
)
async def test_denies_access(broctagon, headers):
    answer = await send(broctagon, REQUESTS, {}, **headers)

    assert answer.status_code == 403


async def test_the_signature_covers_the_raw_bytes(broctagon):
    raw = b'{ "user_id" : "x" }'

    respelt = await broctagon.post(REQUESTS, content=raw, headers={"signature": signature(b'{"user_id":"x"}')})
    exact = await broctagon.post(REQUESTS, content=raw, headers={"signature": signature(raw)})

    assert (respelt.status_code, exact.status_code) == (403, 400)


def deposit_of(account, **fields) -> tuple[str, dict]:
    body = {"connection_id": "mt4live1", "currency": account["currency"], "amount": "10.00000001"}
    return f"/public/v1/mt4/accounts/{account['login']}/deposit", body | {"comment": uuid4().hex[:31]} | fields


async def booked(database, comment: str) -> list[Decimal]:
    rows = await database.fetch("SELECT amount FROM platform.deal WHERE server = 'A1' AND comment = $1", comment)
    return [row["amount"] for row in rows]


async def test_a_deposit_is_204_and_its_comment_counts_for_two_minutes(broctagon, database, account, box):
    path, body = deposit_of(account)

    first = await send(broctagon, path, body)
    box.tell("broctagon", "/clock", {"advance_seconds": 119})
    repeated = await send(broctagon, path, body)
    once = await booked(database, body["comment"])
    box.tell("broctagon", "/clock", {"advance_seconds": 2})
    later = await send(broctagon, path, body)

    assert (first.status_code, first.content) == (204, b"")
    assert (repeated.status_code, repeated.json()) == (200, {"repeat": True})
    assert once == [Decimal("10.00000001")]
    assert later.status_code == 204
    assert len(await booked(database, body["comment"])) == 2


async def test_twins_are_booked_once(broctagon, database, account):
    path, body = deposit_of(account)

    answers = await asyncio.gather(*(send(broctagon, path, body) for _ in range(8)))

    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [204]
    assert len(await booked(database, body["comment"])) == 1


@pytest.mark.parametrize(
    "fields, kind",
    [
        ({"connection_id": "mt5live1"}, "mt4_connection_not_found"),
        ({"amount": 10}, "validation_error"),
        ({"amount": "-1"}, "validation_error"),
        ({"amount": "0.00"}, "validation_error"),
        ({"amount": "1e3"}, "validation_error"),
        ({"amount": "0.000000001"}, "validation_error"),
        ({"comment": ""}, "validation_error"),
        ({"currency": "JPY"}, "validation_error"),
    ],
)
async def test_refuses_a_deposit_and_books_nothing(broctagon, database, account, fields, kind):
    path, body = deposit_of(account, **fields)

    answer = await send(broctagon, path, body)

    assert (answer.status_code, answer.json()["type"]) == (400, kind)
    assert not body["comment"] or await booked(database, body["comment"]) == []


async def test_an_unknown_account_leaves_its_comment_free(broctagon, account):
    path, body = deposit_of(account)

    unknown = await send(broctagon, "/public/v1/mt4/accounts/1/deposit", body)
    known = await send(broctagon, path, body)

    assert unknown.json()["type"] == "mt4_account_not_found"
    assert known.status_code == 204


async def test_the_report_shows_deposits_of_the_window(broctagon, account):
    path, body = deposit_of(account)
    await send(broctagon, path, body)
    today = datetime.now(UTC)
    window = {"skip": 0, "limit": 500, "start": (today - timedelta(days=1)).isoformat(), "user_id": ""}

    report = await send(broctagon, TRANSACTIONS, window | {"end": (today + timedelta(days=1)).isoformat()})
    too_long = await send(broctagon, TRANSACTIONS, window | {"end": (today + timedelta(days=100)).isoformat()})

    (record,) = [record for record in report.json()["records"] if record["comment"] == body["comment"]]
    assert (record["trading_id"], record["currency"]) == (str(account["login"]), "USD")
    assert too_long.status_code == 400


async def test_lists_ten_accounts_unless_told_otherwise(broctagon, database):
    total = await database.fetchval("SELECT count(*) FROM platform.account WHERE server = 'A1'")
    path = "/public/v1/mt4/accounts"

    default = (await broctagon.get(path, params={"connection_id": "mt4live1"})).json()
    rest = (await broctagon.get(path, params={"connection_id": "mt4live1", "skip": total - 1, "limit": 500})).json()
    too_many = await broctagon.get(path, params={"connection_id": "mt4live1", "limit": 501})

    assert (default["count"], len(default["records"]), len(rest["records"])) == (total, 10, 1)
    assert too_many.status_code == 400


async def test_lists_users_only_with_skip_and_limit(broctagon, account):
    everyone = (await broctagon.get("/public/v1/users", params={"skip": 0, "limit": 500})).json()
    without = await broctagon.get("/public/v1/users", params={"skip": 0})

    (owner,) = [user for user in everyone["records"] if user["id"] == account["crm_user_id"]]
    mine = {"platform": "mt4", "connection_id": "mt4live1", "trading_id": str(account["login"])}
    assert mine in owner["trading_accounts"]
    assert without.status_code == 400

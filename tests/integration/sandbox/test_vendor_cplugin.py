import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest
from support.clients import http_client

from sandbox.settings import CPLUGIN_CLIENT_ID, CPLUGIN_CLIENT_SECRET, SERVERS

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

R1, R2, R3 = (server.vendor_id for server in SERVERS[:3])
V2 = f"/api/v2/MT4/{R1}"
GRANT = {"grant_type": "client_credentials", "scope": "webapi"}
FORM = GRANT | {"client_id": CPLUGIN_CLIENT_ID, "client_secret": CPLUGIN_CLIENT_SECRET}


@pytest.fixture
async def cplugin(box):
    async with http_client(timeout=20) as auth:
        token = (await auth.post(f"{box.urls['cplugin_auth']}/connect/token", data=FORM)).json()["access_token"]
    headers = {"authorization": f"Bearer {token}"}
    async with http_client(base_url=box.urls["cplugin"], headers=headers, timeout=20) as upstream:
        yield upstream


@pytest.fixture
async def login(database) -> int:
    """An enabled account with open trades on R1."""
    return await database.fetchval(
        "SELECT login FROM platform.account WHERE server = 'R1' AND enabled AND margin > 0 ORDER BY login LIMIT 1"
    )


async def balance_of(database, login: int) -> Decimal:
    return await database.fetchval("SELECT balance FROM platform.account WHERE server = 'R1' AND login = $1", login)


def operation(login: int, **fields) -> dict:
    body = {"tradeTransactionType": "BrBalance", "tradeCommand": "Balance", "orderBy": login, "price": 10}
    return body | {"comment": uuid4().hex[:31]} | fields


async def test_gives_a_token_for_basic_and_for_form_credentials(box):
    async with http_client(base_url=box.urls["cplugin_auth"]) as auth:
        discovered = (await auth.get("/.well-known/openid-configuration")).json()
        by_form = await auth.post(discovered["token_endpoint"], data=FORM)
        by_basic = await auth.post("/connect/token", data=GRANT, auth=(CPLUGIN_CLIENT_ID, CPLUGIN_CLIENT_SECRET))
        wrong = await auth.post("/connect/token", data=GRANT, auth=(CPLUGIN_CLIENT_ID, "wrong"))
        other_grant = await auth.post("/connect/token", data=FORM | {"grant_type": "password"})

    assert (by_form.json()["expires_in"], by_form.json()["token_type"]) == (3600, "Bearer")
    assert by_basic.json()["access_token"] != by_form.json()["access_token"]
    assert (wrong.status_code, wrong.json()) == (400, {"error": "invalid_client"})
    assert other_grant.json() == {"error": "unsupported_grant_type"}


@pytest.mark.parametrize("path", ["/api/TradePlatforms", f"{V2}/MarginsGet", f"/api/MT4/{R1}/UsersGet"])
async def test_refuses_without_a_good_token(cplugin, box, path):
    unknown = await cplugin.get(path, headers={"authorization": "Bearer x.y.z"})
    good = await cplugin.get(path)
    box.tell("cplugin", "/clock", {"advance_seconds": 3601})
    expired = await cplugin.get(path)

    assert [unknown.status_code, good.status_code, expired.status_code] == [401, 200, 401]


async def test_a_foreign_trade_platform_is_403(cplugin):
    foreign = await cplugin.get(f"/api/v2/MT4/{uuid4()}/MarginsGet")
    no_guid = await cplugin.get("/api/v2/MT4/R1/MarginsGet")
    wrong_kind = await cplugin.get(f"/api/v2/MT4/{R2}/MarginsGet")

    assert [foreign.status_code, no_guid.status_code] == [403, 403]
    assert wrong_kind.json()["error"]["code"] == "Validation"


async def test_batch_leaves_out_missing_logins_and_does_not_keep_the_order(cplugin, database):
    rows = await database.fetch("SELECT login FROM platform.account WHERE server = 'R1' ORDER BY login LIMIT 20")
    asked = [row["login"] for row in rows]

    answer = (await cplugin.get(f"{V2}/UserRecordsRequest", params={"logins": [*asked, 1]})).json()

    given = [user["login"] for user in answer["data"]]
    assert answer["error"] is None
    assert given != asked
    assert sorted(given) == asked


async def test_margins_are_of_accounts_with_open_trades_alone(cplugin, database, login):
    levels = (await cplugin.get(f"{V2}/MarginsGet")).json()["data"]
    one = (await cplugin.get(f"{V2}/MarginLevelRequest/{login}")).json()
    without = (await cplugin.get(f"{V2}/MarginLevelGet/55521")).json()

    expected = await database.fetch(
        "SELECT login FROM platform.account WHERE server = 'R1' AND (margin <> 0 OR floating <> 0) ORDER BY login"
    )
    assert [level["login"] for level in levels] == [row["login"] for row in expected]
    assert one["data"]["login"] == login
    assert (without["data"], without["error"]["code"]) == (None, "NotFound")


async def test_a_balance_operation_books_amount_ticket_and_31_bytes_of_comment(cplugin, database, login):
    before = await balance_of(database, login)
    comment = "ü" + uuid4().hex + "tail"

    answer = (await cplugin.post(f"{V2}/TradeTransaction", json=operation(login, price=10.01, comment=comment))).json()

    ticket = answer["data"]["order"]
    deal = await database.fetchrow("SELECT * FROM platform.deal WHERE server = 'R1' AND ticket = $1", ticket)
    assert await balance_of(database, login) - before == Decimal("10.01")
    assert (deal["login"], deal["command"], deal["amount"]) == (login, "Balance", Decimal("10.01"))
    assert deal["comment"].encode() == comment.encode()[:31]
    assert answer["data"]["comment"] == deal["comment"]


async def test_names_in_any_case_and_numbers_are_members(cplugin, database, login):
    before = await balance_of(database, login)
    body = {"TRADETRANSACTIONTYPE": 83, "tradecommand": "balance", "OrderBy": login, "Price": 1}

    answer = (await cplugin.post(f"{V2}/TradeTransaction", json=body)).json()

    assert answer["data"]["tradeCommand"] == "Balance"
    assert await balance_of(database, login) - before == 1


async def test_credit_is_not_balance(cplugin, database, login):
    before = await balance_of(database, login)
    query = "SELECT credit FROM platform.account WHERE server = 'R1' AND login = $1"
    credit = await database.fetchval(query, login)

    await cplugin.post(f"{V2}/TradeTransaction", json=operation(login, tradeCommand="Credit", price=2))

    assert await database.fetchval(query, login) - credit == 2
    assert await balance_of(database, login) == before


@pytest.mark.parametrize(
    "fields, code, manager_code",
    [
        pytest.param({"tradeCommand": None}, "MT4Error", "TradeBadVolume", id="empty means Buy"),
        pytest.param({"tradeCommand": "Buy"}, "MT4Error", "TradeBadVolume", id="an order"),
        pytest.param({"tradeTransactionType": "Deposit"}, "Validation", None, id="unknown type"),
        pytest.param({"tradeTransactionType": None}, "Validation", None, id="no type"),
        pytest.param({"tradeCommand": "Bonus"}, "Validation", None, id="unknown command"),
        pytest.param({"orderBy": 1}, "NotFound", None, id="unknown login"),
        pytest.param({"orderBy": 2**31}, "Validation", None, id="no int32"),
        pytest.param({"price": 0}, "MT4Error", "InvalidData", id="nothing"),
        pytest.param({"price": "ten"}, "Validation", None, id="no number"),
        pytest.param({"price": 1e300}, "MT4Error", "InvalidData", id="more than money"),
    ],
)
async def test_refuses_and_books_nothing(cplugin, database, login, fields, code, manager_code):
    count = "SELECT count(*) FROM platform.deal"
    before = await database.fetchval(count)

    answer = await cplugin.post(f"{V2}/TradeTransaction", json=operation(login, **fields))

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["managerCode"]) == (200, code, manager_code)
    assert await database.fetchval(count) == before


async def test_nan_is_no_amount(cplugin, login):
    body = f'{{"tradeTransactionType": "BrBalance", "tradeCommand": "Balance", "orderBy": {login}, "price": NaN}}'

    answer = await cplugin.post(f"{V2}/TradeTransaction", content=body)

    assert answer.json()["error"]["code"] == "Validation"


async def test_many_deposits_at_once_are_all_there_with_their_own_tickets(cplugin, database, login):
    before = await balance_of(database, login)

    answers = await asyncio.gather(
        *(cplugin.post(f"{V2}/TradeTransaction", json=operation(login, price=1)) for _ in range(30))
    )

    assert len({answer.json()["data"]["order"] for answer in answers}) == 30
    assert await balance_of(database, login) - before == 30


async def test_history_shows_operations_of_the_window_in_server_time(cplugin, login):
    comment, now = uuid4().hex[:31], datetime.now(UTC)
    await cplugin.post(f"{V2}/TradeTransaction", json=operation(login, price=3.5, comment=comment))

    async def found(start: datetime, end: datetime) -> list[dict]:
        window = {"fromTime": start.isoformat(), "toTime": end.isoformat()}
        trades = (await cplugin.get(f"{V2}/TradesUserHistory/{login}", params=window)).json()["data"]
        return [trade for trade in trades if trade["comment"] == comment]

    (trade,) = await found(now - timedelta(hours=1), now + timedelta(hours=1))
    local = now.astimezone(ZoneInfo("Europe/Athens")).replace(tzinfo=None)
    assert (trade["tradeCommand"], trade["profit"]) == ("Balance", 3.5)
    assert abs(datetime.fromisoformat(trade["openTime"]) - local) < timedelta(minutes=1)
    assert await found(now - timedelta(days=2), now - timedelta(days=1)) == []


async def test_an_account_is_made_without_a_password(cplugin, database):
    body = {"group": "Basic_EU", "name": "Jean Valjean", "externalId": "500034"}

    user = (await cplugin.post(f"{V2}/UserRecordNew", json=body)).json()["data"]
    query = "SELECT * FROM platform.account WHERE server = 'R1' AND login = $1"
    made = await database.fetchrow(query, user["login"])
    short = await cplugin.post(f"{V2}/UserPasswordSet/{user['login']}", json="abc")
    accepted = await cplugin.post(f"{V2}/UserPasswordSet/{user['login']}", json="Abcd1234")

    assert (user["group"], user["leverage"], user["enableFlags"]) == ("Basic_EU", 100, 3)
    assert (made["has_password"], made["currency"], made["client_number"]) == (False, "EUR", 500034)
    assert short.json()["error"]["code"] == "Validation"
    assert accepted.json()["data"] is True
    assert (await database.fetchrow(query, user["login"]))["has_password"]


async def test_accounts_made_at_once_have_their_own_logins(cplugin):
    answers = await asyncio.gather(
        *(cplugin.post(f"{V2}/UserRecordNew", json={"group": "Basic_IL2", "name": f"N{n}"}) for n in range(20))
    )

    assert len({answer.json()["data"]["login"] for answer in answers}) == 20


@pytest.mark.parametrize(
    "body, code",
    [
        pytest.param({"group": "Nobody", "name": "N"}, "MT4Error", id="unknown group"),
        pytest.param({"group": "Basic_IL2"}, "MT4Error", id="no name"),
        pytest.param({"group": "Basic_IL2", "name": "N", "login": 55521}, "MT4Error", id="login taken"),
        pytest.param({"group": "Basic_IL2", "name": "N", "login": -1}, "Validation", id="negative login"),
        pytest.param([], "Validation", id="no object"),
    ],
)
async def test_refuses_to_make_an_account(cplugin, body, code):
    answer = await cplugin.post(f"{V2}/UserRecordNew", json=body)

    assert answer.json()["error"]["code"] == code


@pytest.mark.parametrize(
    "given, applied", [(None, "10"), ("25", "25"), ("2.5", "2.5"), ("0.5", None), ("301", None), ("x", None)]
)
async def test_tells_the_deadline_that_it_applies(cplugin, given, applied):
    headers = {} if given is None else {"x-request-timeout": given}

    answer = await cplugin.get(f"{V2}/GroupRecordGet/Basic_IL2", headers=headers)

    if applied is None:
        assert answer.json()["error"]["code"] == "Validation"
    else:
        assert (answer.json()["data"]["currency"], answer.headers["x-request-timeout-applied"]) == ("USD", applied)


async def test_mt5_is_read_only_and_wider(cplugin, database):
    login = await database.fetchval("SELECT max(login) FROM platform.account WHERE server = 'R2'")

    user = (await cplugin.get(f"/api/v2/MT5/{R2}/UserGet/{login}")).json()["data"]
    group = (await cplugin.get(f"/api/v2/MT5/{R2}/GroupGet/real%5Cstandard")).json()["data"]
    time = (await cplugin.get(f"/api/v2/MT5/{R2}/TimeGet")).json()["data"]
    deposit = await cplugin.post(f"/api/v2/MT5/{R2}/TradeTransaction", json={})

    assert login > 2**31
    assert user["login"] == login
    assert group["currency"] == "USD"
    assert time["timeZone"] == 120
    assert deposit.status_code == 404


async def test_v1_speaks_plain_json_under_paths_of_any_case(cplugin, database, login):
    before = await balance_of(database, login)

    platforms = (await cplugin.get("/API/TradePlatforms")).json()
    user = (await cplugin.get(f"/api/mt4/{R1}/UserRecordGet/{login}")).json()
    users = (await cplugin.get(f"/api/MT4/{R3}/UsersGet")).json()
    booked = (await cplugin.post(f"/api/MT4/{R1}/TradeTransaction", json=operation(login, price=4))).json()
    made = (await cplugin.post(f"/api/MT4/{R1}/UserRecordNew", json={"group": "Basic_IL2", "name": "V1"})).json()
    missing = await cplugin.get(f"/api/MT4/{R1}/UserRecordGet/1")
    ping = await cplugin.get(f"/api/TradePlatforms/{R1}/Ping")

    assert [platform["id"] for platform in platforms] == [R1, R2, R3]
    assert user["login"] == login
    assert len(users) == await database.fetchval("SELECT count(*) FROM platform.account WHERE server = 'R3'")
    assert booked["order"] > 0
    assert await balance_of(database, login) - before == 4
    assert made["login"] > 0
    assert (missing.status_code, ping.status_code) == (404, 200)


@pytest.mark.parametrize(
    "fault, booked",
    [
        ({"fault": "drop_before"}, 0),
        ({"fault": "drop_after"}, 1),
        ({"fault": "hang", "seconds": 0.1}, 0),
        ({"fault": "hang", "seconds": 0.1, "apply": True}, 1),
        ({"fault": "status", "status": 500}, 0),
        ({"fault": "status", "status": 500, "apply": True}, 1),
        ({"fault": "nonsense"}, 0),
        ({"fault": "nonsense", "apply": True}, 1),
        ({"fault": "half", "truncate": True}, 1),
        ({"fault": "business_error", "code": "TradeDisable"}, 0),
        ({"fault": "business_error", "code": "TradeDisable", "apply": True}, 1),
    ],
    ids=lambda value: "-".join(str(each) for each in value.values()) if isinstance(value, dict) else str(value),
)
async def test_a_lost_answer_may_have_been_applied(cplugin, database, box, login, fault, booked):
    body = operation(login, price=1)
    box.tell("cplugin", "/misbehave", {"times": 1} | fault)

    try:
        answer = await cplugin.post(f"/api/MT4/{R1}/TradeTransaction", json=body)
    except httpx.TransportError:
        answer = None

    query = "SELECT count(*) FROM platform.deal WHERE server = 'R1' AND comment = $1"
    assert answer is None or b'"order"' not in answer.content
    assert await database.fetchval(query, body["comment"]) == booked


async def test_v1_knows_no_idempotency_key(cplugin, database, login):
    before, body = await balance_of(database, login), operation(login, price=5)

    for _ in range(2):
        await cplugin.post(f"/api/MT4/{R1}/TradeTransaction", json=body, headers={"idempotency-key": "one"})

    assert await balance_of(database, login) - before == 10


async def test_lists_users_in_pages_by_login(cplugin, database):
    rows = await database.fetch("SELECT login FROM platform.account WHERE server = 'R1' ORDER BY login")
    pages, cursor = [], None
    while True:
        answer = await cplugin.get(f"{V2}/UsersRequest", params={"limit": 100} | ({"cursor": cursor} if cursor else {}))
        page = answer.json()
        pages.append([user["login"] for user in page["data"]])
        cursor = page["meta"]["paging"]["nextCursor"]
        assert page["meta"]["paging"]["hasMore"] == (cursor is not None)
        if cursor is None:
            break

    assert [login for page in pages for login in page] == [row["login"] for row in rows]
    assert [len(page) for page in pages[:-1]] == [100] * (len(rows) // 100)


async def test_lists_all_users_at_once_without_a_limit(cplugin, database):
    page = (await cplugin.get(f"{V2}/UsersRequest")).json()

    assert len(page["data"]) == await database.fetchval("SELECT count(*) FROM platform.account WHERE server = 'R1'")
    assert page["meta"]["paging"] == {"nextCursor": None, "hasMore": False}


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "-1"}, {"limit": "x"}, {"limit": "1", "cursor": "?"}])
async def test_refuses_pages_that_cannot_be(cplugin, query):
    page = (await cplugin.get(f"{V2}/UsersRequest", params=query)).json()

    assert page["error"]["code"] == "Validation"

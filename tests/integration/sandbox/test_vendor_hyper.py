import asyncio
import itertools
from decimal import Decimal

import httpx
import msgspec
import pytest
from support.clients import http_client

from sandbox.settings import HYPER_ACCESS_TOKEN, HYPER_REFRESH_TOKEN

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

BALANCE, CREATE = "/Get_Client_Balance_json", "/Create_TP_Account_Json"
CLIENT_OF_THE_DOCUMENT = {"ClientNumber": 500608, "API_Password": "8Lba7u5smABC"}
CLIENT_WITH_ACCOUNT = {"ClientNumber": 500021, "API_Password": "Dr5Kx0PqT21a"}


@pytest.fixture
async def hyper(box):
    headers = {"authorization": f"Bearer {HYPER_ACCESS_TOKEN}"}
    async with http_client(base_url=box.urls["hyper"], headers=headers, timeout=20) as upstream:
        yield upstream


@pytest.fixture
async def without_account(database):
    """A generated client who has no account that MT4 or MT5 knows; each test takes the next one."""
    row = await database.fetchrow("""
        SELECT p.client_number, p.api_password FROM brokergraph_erp.api_password p
        WHERE p.client_number >= 600001 AND NOT EXISTS
            (SELECT FROM brokergraph_erp.trading_account a WHERE a.client_number = p.client_number)
        ORDER BY 1 LIMIT 1
    """)
    return {"ClientNumber": row["client_number"], "API_Password": row["api_password"]}


def exactly(response: httpx.Response) -> object:
    """The answer with its numbers as they were written."""
    return msgspec.json.decode(response.content, type=Answer)


class Balance(msgspec.Struct):
    Currency: str
    Balance: Decimal
    Value_ILS: Decimal | None
    Cash: Decimal


class Answer(msgspec.Struct):
    ResponseCode: int
    Agency: int
    Data: list[Balance]
    Total_Floating_Balance_ILS: Decimal


async def test_answers_the_documents_balances_to_the_digit(hyper):
    answer = await hyper.post(BALANCE, json=CLIENT_OF_THE_DOCUMENT)

    assert answer.status_code == 200
    assert exactly(answer) == Answer(
        ResponseCode=0,
        Agency=0,
        Data=[
            Balance("BTC", Decimal("0.10790961"), Decimal("25133.80"), Decimal("0.10790961")),
            Balance("ETH", Decimal("2.47121843"), Decimal("17208.41"), Decimal("2.47121843")),
            Balance("ILS", Decimal("27354.00"), Decimal("27354.00"), Decimal("25354.00")),
            Balance("USD", Decimal("1064.15"), Decimal("3192.44"), Decimal("1064.15")),
        ],
        Total_Floating_Balance_ILS=Decimal("72888.65"),
    )
    assert {name: answer.json()[name] for name in ("ERP_Account_Status_Text", "Web_Account_Status_Text")} == {
        "ERP_Account_Status_Text": "לקוח אמיתי",
        "Web_Account_Status_Text": "מאושר / פעיל",
    }


async def test_takes_query_and_form_as_well_as_json(hyper):
    by_query = await hyper.get(BALANCE, params=CLIENT_OF_THE_DOCUMENT)
    by_form = await hyper.post(BALANCE, data=CLIENT_OF_THE_DOCUMENT)

    assert by_query.json()["Total_Floating_Balance_ILS"] == 72888.65
    assert by_form.json() == by_query.json()


async def test_a_restricted_client_is_code_1_with_http_200(hyper):
    answer = await hyper.post(BALANCE, json={"ClientNumber": 500032, "API_Password": "Ey6Ru1CvBn42"})

    assert (answer.status_code, answer.json()["ResponseCode"]) == (200, 1)


async def test_shows_an_account_that_exists(hyper):
    answer = await hyper.post(CREATE, json=CLIENT_WITH_ACCOUNT)

    assert answer.status_code == 200
    assert answer.json()["ResponseCode"] == 1
    assert answer.json()["account"] | {"Balance": 0} == {
        "AccountLogin": 55521,
        "DataSource": "R1",
        "Platform": "MT4",
        "Status": 3,
        "Group": "Basic_IL2",
        "Currency": "USD",
        "Balance": 0,
    }


async def test_makes_an_account_once(hyper, without_account, database):
    first = await hyper.post(CREATE, json=without_account)
    again = await hyper.post(CREATE, json=without_account)

    account = first.json()["account"]
    assert (first.json()["ResponseCode"], again.json()["ResponseCode"]) == (0, 1)
    assert account["AccountLogin"] >= 636400
    assert again.json()["account"] == account
    assert account | {"AccountLogin": 0} == {
        "AccountLogin": 0,
        "DataSource": "R1",
        "Platform": "MT4",
        "Status": 2,
        "Group": "Basic_IL2",
        "Currency": "USD",
        "Balance": 0,
    }
    assert await accounts_of(database, without_account) == [account["AccountLogin"]]


async def test_of_twins_one_is_told_to_come_later(hyper, without_account, database):
    async with database.transaction():
        # The request that makes the account waits here, with the client in work.
        await database.execute("LOCK TABLE platform.account IN EXCLUSIVE MODE")
        calls = [asyncio.create_task(hyper.post(CREATE, json=without_account)) for _ in range(5)]
        answered = asyncio.as_completed(calls)
        refused = [await call for call in itertools.islice(answered, 4)]

    (made,) = [await call for call in answered]
    assert [(answer.status_code, answer.json()["ResponseCode"]) for answer in refused] == [(423, 10)] * 4
    assert made.json()["ResponseCode"] == 0
    assert len(await accounts_of(database, without_account)) == 1


async def accounts_of(database, client) -> list[int]:
    rows = await database.fetch("SELECT login FROM platform.account WHERE client_number = $1", client["ClientNumber"])
    return [row["login"] for row in rows]


@pytest.mark.parametrize("path", [BALANCE, CREATE])
@pytest.mark.parametrize(
    "body, status, code",
    [
        pytest.param({"ClientNumber": 500608, "API_Password": "8Lba7u5smABD"}, 401, 11, id="wrong password"),
        pytest.param({"ClientNumber": 500030, "API_Password": "anything"}, 401, 11, id="no website record"),
        pytest.param({"ClientNumber": 500608}, 400, 14, id="no password"),
        pytest.param({"ClientNumber": "500608", "API_Password": "8Lba7u5smABC"}, 400, 14, id="number as text"),
        pytest.param({"ClientNumber": 1, "API_Password": "x"}, 400, 14, id="unknown client"),
        pytest.param({"ClientNumber": 2**40, "API_Password": "x"}, 400, 14, id="no int32"),
        pytest.param([], 400, 14, id="no object"),
    ],
)
async def test_refuses_bad_input(hyper, path, body, status, code):
    answer = await hyper.post(path, json=body)

    assert (answer.status_code, answer.json()["ResponseCode"]) == (status, code)


async def test_checks_in_the_documented_order(hyper, box):
    """alive_check, then IP, blocked function, token, rate: each earlier one hides the later."""
    stranger = {"authorization": "Bearer nobody"}
    box.tell("hyper", "/settings", {"requests_per_minute": 0})
    limited = await hyper.post(BALANCE, json={})
    unknown_token = await hyper.post(BALANCE, json={}, headers=stranger)
    box.tell("hyper", "/settings", {"blocked": ["Get_Client_Balance_json"]})
    blocked = await hyper.post(BALANCE, json={}, headers=stranger)
    box.tell("hyper", "/settings", {"ip_allowed": False})
    foreign = await hyper.post(CREATE, json={}, headers=stranger)
    alive = await hyper.get("/alive_check", headers=stranger)

    answers = [limited, unknown_token, blocked, foreign, alive]
    assert [answer.status_code for answer in answers] == [429, 401, 403, 403, 200]
    assert [answer.json()["ResponseCode"] for answer in answers[1:]] == [99, 8, 8, 0]


async def test_counts_requests_a_minute(hyper, box):
    box.tell("hyper", "/settings", {"requests_per_minute": 20})

    answers = [await hyper.post(BALANCE, json=CLIENT_OF_THE_DOCUMENT) for _ in range(21)]
    box.tell("hyper", "/clock", {"advance_seconds": 61})
    later = await hyper.post(BALANCE, json=CLIENT_OF_THE_DOCUMENT)

    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert later.status_code == 200


async def refresh(hyper, token: str) -> httpx.Response:
    return await hyper.post("/RefreshToken", headers={"authorization": f"Bearer {token}"})


async def test_a_fixed_refresh_token_stays(hyper, box):
    box.tell("hyper", "/misbehave", {"fault": "expire_token"})
    expired = await hyper.post(BALANCE, json=CLIENT_OF_THE_DOCUMENT)

    given = (await refresh(hyper, HYPER_REFRESH_TOKEN)).json()
    headers = {"authorization": f"Bearer {given['AccessToken']}"}
    accepted = await hyper.post(BALANCE, json=CLIENT_OF_THE_DOCUMENT, headers=headers)

    assert (expired.status_code, expired.json()["ResponseCode"]) == (401, 99)
    assert "RefreshToken" not in given
    assert len(given["AccessToken"]) == 120
    assert accepted.status_code == 200


async def test_a_replaceable_pair_ends_with_its_refresh(hyper, box):
    box.tell("hyper", "/settings", {"refresh": "replaceable"})

    given = (await refresh(hyper, HYPER_REFRESH_TOKEN)).json()
    old_access = await hyper.post(BALANCE, json=CLIENT_OF_THE_DOCUMENT)
    old_refresh = await refresh(hyper, HYPER_REFRESH_TOKEN)
    second = await refresh(hyper, given["RefreshToken"])

    assert len(given["RefreshToken"]) == 200
    assert (old_access.status_code, old_refresh.status_code, second.status_code) == (401, 401, 200)


async def test_two_refreshes_at_once_cannot_both_have_the_pair(hyper, box):
    box.tell("hyper", "/settings", {"refresh": "replaceable"})

    answers = await asyncio.gather(refresh(hyper, HYPER_REFRESH_TOKEN), refresh(hyper, HYPER_REFRESH_TOKEN))

    assert sorted(answer.status_code for answer in answers) == [200, 401]


@pytest.mark.parametrize("code, status", [(4, 500), (5, 500), (10, 423)])
async def test_the_server_returns_the_code_that_a_test_sets(hyper, box, without_account, code, status):
    box.tell("hyper", "/misbehave", {"fault": "function_code", "code": code, "times": 1})

    answer = await hyper.post(CREATE, json=without_account)

    next_answer = await hyper.post(CREATE, json=without_account)

    assert (answer.status_code, answer.json()["ResponseCode"]) == (status, code)
    # It was not made before: a code 1 would show that it was.
    assert next_answer.json()["ResponseCode"] == 0


async def test_code_5_may_have_made_the_account(hyper, box, without_account, database):
    box.tell("hyper", "/misbehave", {"fault": "function_code", "code": 5, "apply": True, "times": 1})

    answer = await hyper.post(CREATE, json=without_account)
    again = await hyper.post(CREATE, json=without_account)

    assert answer.json() == {"ResponseCode": 5, "ResponseMsgEng": "Timeout with no Answer from the Trading System"}
    assert again.json()["ResponseCode"] == 1
    assert await accounts_of(database, without_account) == [again.json()["account"]["AccountLogin"]]


async def test_an_unknown_function_is_code_3(hyper):
    answer = await hyper.post("/Get_Client_Balance_Json", json=CLIENT_OF_THE_DOCUMENT)

    assert (answer.status_code, answer.json()["ResponseCode"]) == (404, 3)

import pytest
from support.clients import http_client

from sandbox.settings import BROKER_WORK_TENANT, BROKER_WORK_TOKEN

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

INFO = "/v1/api/account/info"
# The answer of the vendor's own page, field for field [D, seed 004].
SAMPLE = {
    "data": [
        {
            "accountType": "HEDGED",
            "currency": "EUR",
            "enable": 1,
            "frenchRisk": False,
            "group": "Default",
            "leadSource": "",
            "leverage": 20,
            "login": "3004272",
            "maxLeverage": 0,
            "readOnly": 0,
            "regdate": "2016-10-05 15:52:47",
            "sendReports": 0,
            "swapFree": False,
            "totalMarginCalculationType": "MAX",
        },
        {
            "accountType": "HEDGED",
            "currency": "USD",
            "enable": 1,
            "frenchRisk": False,
            "group": "HFT",
            "leadSource": "",
            "leverage": 300,
            "login": "3004273",
            "maxLeverage": 0,
            "readOnly": 0,
            "regdate": "2016-10-06 16:02:17",
            "sendReports": 0,
            "swapFree": False,
            "totalMarginCalculationType": "MAX",
        },
    ],
    "mcode": "m0000000",
    "result": True,
}


@pytest.fixture
async def broker_work(box):
    headers = {"x-api-tenantId": BROKER_WORK_TENANT, "x-api-token": BROKER_WORK_TOKEN}
    async with http_client(base_url=box.urls["broker_work"], headers=headers, timeout=20) as upstream:
        yield upstream


async def test_answers_the_documents_question(broker_work):
    answer = await broker_work.get(INFO, params={"serverId": "1", "accountId": "3004273,3004272"})

    assert answer.json() == SAMPLE


async def test_never_keeps_the_order_of_the_question_and_leaves_out_what_is_missing(broker_work, database):
    rows = await database.fetch("SELECT login FROM platform.account WHERE server = 'L2' ORDER BY login LIMIT 5")
    asked = [str(row["login"]) for row in rows]

    forwards = await broker_work.get(INFO, params={"serverId": "2", "accountId": ",".join([*asked, "7"])})
    backwards = await broker_work.get(INFO, params={"serverId": "2", "accountId": ",".join(asked[::-1])})

    assert [account["login"] for account in forwards.json()["data"]] == asked[::-1]
    assert [account["login"] for account in backwards.json()["data"]] == asked


async def test_types_differ_from_account_to_account(broker_work, database):
    rows = await database.fetch("SELECT login FROM platform.account WHERE server = 'L1' ORDER BY login")
    asked = ",".join(str(row["login"]) for row in rows)

    accounts = (await broker_work.get(INFO, params={"serverId": "1", "accountId": asked})).json()["data"]

    assert {type(account["leverage"]) for account in accounts} == {int, str}
    assert {"oweId" in account for account in accounts} == {True, False}


@pytest.mark.parametrize(
    "headers, query, mcode",
    [
        pytest.param({"x-api-token": ""}, {}, "BW_API_0000001", id="no token"),
        pytest.param({"x-api-token": "other"}, {}, "BW_API_0000001", id="wrong token"),
        pytest.param({"x-api-tenantId": "T1"}, {}, "BW_API_0000003", id="other tenant"),
        pytest.param({}, {"serverId": "99"}, "BW_INVALID_SERVERID", id="unknown server"),
        pytest.param({}, {"accountId": "1,x"}, "BW_INVALID_PARAM", id="no number"),
        pytest.param({}, {"accountId": ""}, "BW_INVALID_PARAM", id="no account"),
    ],
)
async def test_fails_inside_http_200(broker_work, headers, query, mcode):
    answer = await broker_work.get(INFO, params={"serverId": "1", "accountId": "3004272"} | query, headers=headers)

    assert answer.status_code == 200
    assert answer.json() == {"mcode": mcode, "errorMessage": "", "result": False}


async def test_the_other_spelling_of_success_is_a_patch(broker_work, box):
    box.tell("broker_work", "/misbehave", {"fault": "patch", "json": {"mcode": "m00000"}, "times": 1})

    answer = await broker_work.get(INFO, params={"serverId": "1", "accountId": "3004273,3004272"})

    assert answer.json() == SAMPLE | {"mcode": "m00000"}

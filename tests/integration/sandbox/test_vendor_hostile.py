"""Whatever is sent to a vendor's stand-in is answered as that vendor would refuse it, never by a crash."""

import hmac
from hashlib import sha256

import httpx
import pytest
from support.clients import http_client

from sandbox.settings import (
    BROCTAGON_KEY,
    BROKER_WORK_TENANT,
    BROKER_WORK_TOKEN,
    CPLUGIN_CLIENT_ID,
    CPLUGIN_CLIENT_SECRET,
    HYPER_ACCESS_TOKEN,
    SERVERS,
)

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

BODIES = {
    "nothing": b"",
    "null": b"null",
    "a number": b"7",
    "a list": b"[]",
    "broken": b'{"a":',
    "not UTF-8": b'{"a": "\xff"}',
    "NaN": b'{"price": NaN, "leverage": NaN, "amount": NaN}',
    "10,000 digits": b'{"price": ' + b"9" * 10_000 + b', "login": 1}',
    "1e400": b'{"tradeTransactionType": 83, "tradeCommand": 6, "orderBy": 55521, "price": 1e400, "leverage": 1e400}',
    "nested": b"[" * 100_000,
}
STRANGE_TEXTS = {"NUL": r"a\u0000b", "lone surrogate": r"a\ud800b", "1 MB": "a" * 1_000_000}
MT4 = f"/api/v2/MT4/{SERVERS[0].vendor_id}"
PATHS = {
    "hyper": ["/Get_Client_Balance_json", "/Create_TP_Account_Json"],
    "cplugin": [f"{MT4}/TradeTransaction", f"{MT4}/UserRecordNew", f"{MT4}/UserPasswordSet/55521"],
    "broctagon": ["/public/v1/requests/account", "/public/v1/mt4/accounts/1/deposit", "/public/v1/report/transactions"],
}
CALLS = [(vendor, path) for vendor, paths in PATHS.items() for path in paths]
TEXT_FIELDS = {
    "hyper": '{"ClientNumber": 500608, "API_Password": "TEXT"}',
    "cplugin": (
        '{"tradeTransactionType": "BrBalance", "tradeCommand": "Balance", "orderBy": 1, "price": 1, "comment": "TEXT",'
        ' "group": "TEXT", "name": "TEXT", "externalId": "TEXT"}'
    ),
    "broctagon": (
        '{"user_id": "TEXT", "platform": "mt4", "connection_id": "TEXT", "leverage": 1, "currency": "TEXT",'
        ' "amount": "1", "comment": "TEXT", "skip": 0, "limit": 1, "start": "TEXT", "end": "TEXT"}'
    ),
}


@pytest.fixture
async def post(box):
    async with http_client(timeout=20) as upstream:
        grant = {"grant_type": "client_credentials"}
        credentials = (CPLUGIN_CLIENT_ID, CPLUGIN_CLIENT_SECRET)
        answer = await upstream.post(f"{box.urls['cplugin_auth']}/connect/token", data=grant, auth=credentials)
        bearer = {"hyper": HYPER_ACCESS_TOKEN, "cplugin": answer.json()["access_token"], "broctagon": "none"}

        async def send(vendor: str, path: str, body: bytes) -> httpx.Response:
            signature = hmac.new(BROCTAGON_KEY.encode(), body, sha256).hexdigest()
            headers = {"authorization": f"Bearer {bearer[vendor]}", "content-type": "application/json"}
            headers |= {"key": BROCTAGON_KEY, "signature": f"sha256={signature}"}
            return await upstream.post(box.urls[vendor] + path, content=body, headers=headers)

        yield send


def is_refusal(vendor: str, answer: httpx.Response) -> bool:
    if vendor == "cplugin":
        return answer.status_code == 200 and answer.json()["error"]["code"] in {"Validation", "MT4Error", "NotFound"}
    return 400 <= answer.status_code < 500


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("vendor, path", CALLS)
async def test_refuses_what_is_no_proper_body(post, vendor, path, body):
    answer = await post(vendor, path, body)

    assert is_refusal(vendor, answer), answer.text


@pytest.mark.parametrize("text", STRANGE_TEXTS.values(), ids=STRANGE_TEXTS)
@pytest.mark.parametrize("vendor, path", CALLS)
async def test_refuses_strange_texts(post, vendor, path, text):
    answer = await post(vendor, path, TEXT_FIELDS[vendor].replace("TEXT", text).encode())

    assert is_refusal(vendor, answer), answer.text


@pytest.mark.parametrize("text", ["%00", "%ff", "a" * 5000, "99999999999999999999", "-1"], ids=lambda text: text[:8])
async def test_refuses_strange_paths_and_queries(box, text):
    broker_work = {"x-api-tenantId": BROKER_WORK_TENANT, "x-api-token": BROKER_WORK_TOKEN}
    grant = {"grant_type": "client_credentials"}
    async with http_client(timeout=20) as upstream:
        credentials = (CPLUGIN_CLIENT_ID, CPLUGIN_CLIENT_SECRET)
        answer = await upstream.post(f"{box.urls['cplugin_auth']}/connect/token", data=grant, auth=credentials)
        bearer = {"authorization": f"Bearer {answer.json()['access_token']}"}
        info = f"{box.urls['broker_work']}/v1/api/account/info"
        answers = [
            await upstream.get(f"{info}?serverId={text}&accountId=1", headers=broker_work),
            await upstream.get(f"{info}?serverId=1&accountId={text}", headers=broker_work),
            await upstream.get(f"{box.urls['cplugin']}{MT4}/GroupRecordGet/{text}", headers=bearer),
            await upstream.get(f"{box.urls['cplugin']}{MT4}/UserRecordGet/{text}", headers=bearer),
            await upstream.get(f"{box.urls['cplugin']}{MT4}/UserRecordsRequest?logins={text}", headers=bearer),
            await upstream.get(f"{box.urls['cplugin']}{MT4}/TradesUserHistory/1?fromTime={text}", headers=bearer),
            await upstream.get(
                f"{box.urls['broctagon']}/public/v1/mt4/accounts?connection_id={text}", headers={"key": BROCTAGON_KEY}
            ),
        ]

    assert [answer.status_code for answer in answers] == [200] * 6 + [400]
    assert [answer.json().get("result") for answer in answers[:2]] == [False, False]
    assert all(answer.json()["error"]["code"] in {"NotFound", "Validation"} for answer in answers[2:6])

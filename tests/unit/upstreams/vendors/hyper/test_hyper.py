from decimal import Decimal

import pytest
from support.vendor_calls import SHORT, a_call, answer

from core.clock import Clock
from core.errors import Misunderstood, OutcomeUnknown, Reason, Rejected, System, Unavailable
from core.records import LiveBalance
from core.secret import Secret
from upstreams.http.link import Link
from upstreams.vendors.hyper.api import Hyper
from upstreams.vendors.hyper.config import HyperConfig
from upstreams.vendors.kit.token_store import MemoryTokenStore

pytestmark = pytest.mark.anyio

PASSWORD = Secret("S0wUqUWvujCf")
ACCOUNT = (
    b'{"AccountLogin":55521,"DataSource":"R1","Platform":"MT4","Status":3,'
    b'"Group":"Basic_IL2","Currency":"USD","Balance":18270.84}'
)


@pytest.fixture
async def hyper(stranger):
    config = HyperConfig(url=stranger.url, access_token=Secret("A0"))
    opened = Hyper(config, Link(System("HYPER"), "hyper", stranger.url, SHORT, Clock()), MemoryTokenStore())
    yield opened
    await opened.aclose()


async def create(hyper):
    return await (await hyper.prepare_account(500014, PASSWORD, a_call())).send()


async def test_the_documents_client_to_the_digit(house, call):
    record = await house.erp_api.client_balance(500608, Secret("8Lba7u5smABC"), call)

    assert record.balances == (
        LiveBalance("BTC", Decimal("0.10790961"), Decimal("0.10790961"), Decimal("25133.80")),
        LiveBalance("ETH", Decimal("2.47121843"), Decimal("2.47121843"), Decimal("17208.41")),
        LiveBalance("ILS", Decimal("27354.00"), Decimal("25354.00"), Decimal("27354.00")),
        LiveBalance("USD", Decimal("1064.15"), Decimal("1064.15"), Decimal("3192.44")),
    )
    assert (record.accounting_currency, record.total_floating_balance) == ("ILS", Decimal("72888.65"))
    assert (record.response_code, record.erp_status, record.web_status, record.agency) == (0, 5, 2, 0)
    assert (record.erp_status_text, record.web_status_text) == ("לקוח אמיתי", "מאושר / פעיל")
    assert call.tally.calls == {System("HYPER"): 1}


async def test_an_account_that_exists_is_told_as_such(house, database):
    password = await database.fetchval(
        "SELECT api_password FROM brokergraph_erp.api_password WHERE client_number = 500021"
    )

    receipt = await (await house.erp_api.prepare_account(500021, Secret(password), a_call())).send()

    assert (receipt.server, receipt.login, receipt.existed) == ("R1", "55521", True)
    assert (receipt.platform, receipt.status, receipt.group, receipt.currency) == ("MT4", 3, "Basic_IL2", "USD")


async def test_a_wrong_api_password_is_the_clients_and_no_token_matter(house, call):
    with pytest.raises(Rejected) as refused:
        await house.erp_api.client_balance(500608, Secret("wrong"), call)

    assert (refused.value.reason, refused.value.upstream_code) == (Reason.CREDENTIALS_REJECTED, "11")
    assert call.tally.calls == {System("HYPER"): 1}


async def test_another_accounting_currency_and_codes_as_text(hyper, stranger):
    stranger.answers = [
        answer(
            200,
            b'{"ResponseCode":"000","ERP_Account_Status":"4","Agency":0,"Data":[{"Currency":"EUR","Balance":-10.5,'
            b'"Value_USD":-11.55,"Cash":-10.5}],"Total_Floating_Balance_USD":-11.55}',
        )
    ]

    record = await hyper.client_balance(1, PASSWORD, a_call())

    assert (record.accounting_currency, record.total_floating_balance) == ("USD", Decimal("-11.55"))
    assert record.erp_status == 4
    assert record.balances == (LiveBalance("EUR", Decimal("-10.5"), Decimal("-10.5"), Decimal("-11.55")),)


async def test_what_a_restricted_answer_leaves_out_is_none(hyper, stranger):
    stranger.answers = [answer(200, b'{"ResponseCode":1,"ResponseMsgEng":"see the case"}')]

    record = await hyper.client_balance(1, PASSWORD, a_call())

    assert (record.response_code, record.balances, record.agency, record.total_floating_balance) == (
        1,
        None,
        None,
        None,
    )


@pytest.mark.parametrize("amount", [b"1e400", b'"NaN"', b"null", b"[]"])
async def test_an_unreadable_amount_costs_the_balances_and_nothing_else(hyper, stranger, amount):
    row = b'{"ResponseCode":0,"Data":[{"Currency":"EUR","Balance":%b,"Value_USD":1,"Cash":1}]}'
    stranger.answers = [answer(200, row % amount)]

    record = await hyper.client_balance(1, PASSWORD, a_call())

    assert isinstance(record.balances, Misunderstood)
    assert record.response_code == 0


WHOLE = (
    b'{"ResponseCode":0,"Agency":7,"ERP_Account_Status":4,"Data":[{"Currency":"EUR","Balance":2,"Value_USD":1,"Cash":1},'
    b'{"Currency":"GBP","Balance":3,"Value_USD":4,"Cash":3}],"Total_Floating_Balance_USD":5}'
)
COSTS = {
    "a balance of NaN": (b'"Balance":2', b'"Balance":NaN', {"balances"}),
    "a value of MSVC": (b'"Value_USD":4', b'"Value_USD":1.#QNAN', {"balances"}),
    "a currency that is no text": (b'"Currency":"EUR"', b'"Currency":7', {"balances"}),
    "a currency with a quote": (b'"Currency":"EUR"', b'"Currency":"E"R"', {"balances"}),
    "a currency twice": (b'"GBP"', b'"EUR"', {"balances"}),
    "a total of Infinity": (b'_USD":5', b'_USD":Infinity', {"total_floating_balance"}),
    "an agency that is no number": (b'"Agency":7', b'"Agency":"north"', {"agency"}),
    "a status that is no number": (b'"ERP_Account_Status":4', b'"ERP_Account_Status":-nan(ind)', {"erp_status"}),
    "a byte order mark": (b'{"ResponseCode"', b'\xef\xbb\xbf{"ResponseCode"', set()),
    "a number without a reader": (b'"Agency":7', b'"Agency":7,"More":NaN', set()),
}


@pytest.mark.parametrize("find,text,lost", COSTS.values(), ids=COSTS.keys())
async def test_v2_one_bad_value_costs_one_value(hyper, stranger, find, text, lost):
    stranger.answers = [answer(200, WHOLE), answer(200, WHOLE.replace(find, text, 1))]

    whole = await hyper.client_balance(1, PASSWORD, a_call())
    found = await hyper.client_balance(1, PASSWORD, a_call())

    names = ("balances", "total_floating_balance", "agency", "erp_status", "accounting_currency", "response_code")
    assert {name for name in names if getattr(found, name) != getattr(whole, name)} == lost
    for name in lost & {"balances", "total_floating_balance"}:
        assert isinstance(getattr(found, name), Misunderstood)


@pytest.mark.parametrize("text", [b'"Balance":"NaN"', b'"Balance":[]', b'"Status":"perhaps"', b'"Group":7'])
async def test_v4_an_unreadable_property_of_a_new_account_leaves_its_login(hyper, stranger, text):
    body = b'{"ResponseCode":0,"account":{"AccountLogin":"55","DataSource":"R1","Currency":"USD",%b}}' % text
    stranger.answers = [answer(200, body)]

    receipt = await create(hyper)

    assert (receipt.server, receipt.login, receipt.currency) == ("R1", "55", "USD")
    assert (receipt.balance, receipt.status, receipt.group) == (None, None, None)


CODES = [
    (500, "4", OutcomeUnknown, Reason.UPSTREAM_UNAVAILABLE),
    (500, "5", OutcomeUnknown, Reason.UPSTREAM_UNAVAILABLE),
    (423, "10", Unavailable, Reason.UPSTREAM_UNAVAILABLE),
    (422, "12", Unavailable, Reason.UPSTREAM_UNAVAILABLE),
    (401, "11", Rejected, Reason.CREDENTIALS_REJECTED),
    (400, "14", Rejected, Reason.VALIDATION_FAILED),
    (400, '"007"', Rejected, Reason.VALIDATION_FAILED),
    (400, "9", Rejected, Reason.VALIDATION_FAILED),
    (400, "13", Rejected, Reason.VALIDATION_FAILED),
    (200, "2", Rejected, Reason.NOT_FOUND),
    (404, "20", Rejected, Reason.NOT_FOUND),
    (404, "21", Rejected, Reason.NOT_FOUND),
    (404, "3", Rejected, Reason.UPSTREAM_REFUSED),
    (403, "8", Rejected, Reason.UPSTREAM_REFUSED),
    (500, "0", OutcomeUnknown, Reason.UPSTREAM_UNAVAILABLE),
    (200, "77", OutcomeUnknown, Reason.UPSTREAM_UNAVAILABLE),
]


@pytest.mark.parametrize("status,code,error,reason", CODES)
async def test_each_code_of_a_creation(hyper, stranger, status, code, error, reason):
    stranger.answers = [answer(status, b'{"ResponseCode":%b,"ResponseMsgEng":"secret text"}' % code.encode())]

    with pytest.raises(error) as failed:
        await create(hyper)

    assert failed.value.reason is reason
    assert "secret" not in str(failed.value)
    assert len(stranger.asked) == 1


@pytest.mark.parametrize("code", [4, 5, 10, 12])
async def test_an_internal_error_of_a_read_is_unavailable(hyper, stranger, code):
    stranger.answers = [answer(500, b'{"ResponseCode":%d}' % code)]

    with pytest.raises(Unavailable):
        await hyper.client_balance(1, PASSWORD, a_call())


async def test_a_refused_token_without_a_refresh_is_the_operators_matter(hyper, stranger):
    stranger.answers = [answer(401, b'{"ResponseCode":99}')]

    with pytest.raises(Unavailable) as failed:
        await create(hyper)

    assert (failed.value.upstream_code, failed.value.detail) == ("99", "our access token is refused")


@pytest.mark.parametrize("body", [b'{"ResponseCode":0}', b'{"ResponseCode":0,"account":{}}', b"<html>", b""])
async def test_a_success_without_an_account_is_in_doubt(hyper, stranger, body):
    stranger.answers = [answer(200, body)]

    with pytest.raises(OutcomeUnknown):
        await create(hyper)


@pytest.mark.parametrize(
    "spelt,status", [(b"2", 2), (b'"Readonly"', 2), (b'"Active"', 3), (b'"3"', 3), (b"null", None)]
)
async def test_a_status_is_a_number_or_a_word(hyper, stranger, spelt, status):
    stranger.answers = [answer(200, b'{"ResponseCode":1,"account":%b}' % ACCOUNT.replace(b":3,", b":%b," % spelt))]

    receipt = await create(hyper)

    assert (receipt.status, receipt.balance, receipt.existed) == (status, Decimal("18270.84"), True)

"""CPlugin's own Python SDK, which others wrote, takes the sandbox for the real thing."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from cplugin_webapi_sdk import ApiError, CPluginWebApiClient, is_outcome_unknown, is_safe_to_retry, unwrap
from cplugin_webapi_sdk._generated.api.mt4_v_2_authentication import (
    post_api_v_2_mt4_trade_platform_user_password_set_login as user_password_set,
)
from cplugin_webapi_sdk._generated.api.mt4_v_2_groups import (
    get_api_v_2_mt4_trade_platform_group_record_get_group as group_record_get,
)
from cplugin_webapi_sdk._generated.api.mt4_v_2_history import (
    get_api_v_2_mt4_trade_platform_trades_user_history_login as trades_user_history,
)
from cplugin_webapi_sdk._generated.api.mt4_v_2_margins import (
    get_api_v_2_mt4_trade_platform_margin_level_request_login as margin_level_request,
)
from cplugin_webapi_sdk._generated.api.mt4_v_2_margins import (
    get_api_v_2_mt4_trade_platform_margins_get as margins_get,
)
from cplugin_webapi_sdk._generated.api.mt4_v_2_trades import (
    post_api_v_2_mt4_trade_platform_trade_transaction as trade_transaction,
)
from cplugin_webapi_sdk._generated.api.mt4_v_2_users import (
    get_api_v_2_mt4_trade_platform_user_records_request as user_records_request,
)
from cplugin_webapi_sdk._generated.api.mt4_v_2_users import (
    post_api_v_2_mt4_trade_platform_user_record_new as user_record_new,
)
from cplugin_webapi_sdk._generated.models import (
    MT4MarginLevel,
    MT4Trade,
    MT4TradeTransaction,
    MT4User,
    MT4UserCreate,
    MT5User,
)

from sandbox.settings import CPLUGIN_CLIENT_ID, CPLUGIN_CLIENT_SECRET

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]


@pytest.fixture
def sdk(box) -> Iterator[CPluginWebApiClient]:
    with CPluginWebApiClient(
        env="custom",
        client_id=CPLUGIN_CLIENT_ID,
        client_secret=CPLUGIN_CLIENT_SECRET,
        api_base_url=box.urls["cplugin"],
        authority=box.urls["cplugin_auth"],
        scopes=["webapi"],
    ) as client:
        yield client


def balance(sdk, witness) -> Decimal:
    (user,) = unwrap(
        sdk.mt4.raw(user_records_request, trade_platform=witness.mt4_platform, logins=[witness.trading_login])
    )
    return Decimal(str(user["balance"]))


def deposit_of(witness, amount: float, comment: str) -> MT4TradeTransaction:
    return MT4TradeTransaction(
        trade_transaction_type="BrBalance",
        trade_command="Balance",
        order_by=witness.trading_login,
        price=amount,
        comment=comment,
    )


async def test_asks_for_one_token_and_lists_the_platforms(sdk, witness, box):
    platforms = sdk.list_trade_platforms()
    sdk.list_trade_platforms()

    assert [platform["id"] for platform in platforms][:2] == [witness.mt4_platform, witness.mt5_platform]
    assert box.calls("cplugin_auth")["by_path"] == {"/.well-known/openid-configuration": 1, "/connect/token": 1}


async def test_reads_records_with_missing_logins_left_out(sdk, witness):
    answer = unwrap(
        sdk.mt4.raw(user_records_request, trade_platform=witness.mt4_platform, logins=[1, witness.trading_login])
    )

    (user,) = [MT4User.from_dict(record) for record in answer]
    assert user.login == witness.trading_login
    assert user.registration_date.tzinfo is not None


async def test_reads_margins_in_one_list_and_one_by_one(sdk, witness):
    levels = [
        MT4MarginLevel.from_dict(level)
        for level in unwrap(sdk.mt4.raw(margins_get, trade_platform=witness.mt4_platform))
    ]
    one = MT4MarginLevel.from_dict(
        unwrap(sdk.mt4.raw(margin_level_request, trade_platform=witness.mt4_platform, login=witness.trading_login))
    )

    same = next(level for level in levels if level.login == witness.trading_login)
    assert (one.balance, one.equity, one.margin, one.free) == (same.balance, same.equity, same.margin, same.free)
    assert Decimal(str(one.free)) == Decimal(str(one.equity)) - Decimal(str(one.margin))


async def test_deposits_once_for_one_key(sdk, witness):
    before, key, comment = balance(sdk, witness), str(uuid4()), uuid4().hex[:31]
    body = deposit_of(witness, 12.5, comment)

    first = unwrap(sdk.mt4.raw(trade_transaction, trade_platform=witness.mt4_platform, body=body, idempotency_key=key))
    again = unwrap(sdk.mt4.raw(trade_transaction, trade_platform=witness.mt4_platform, body=body, idempotency_key=key))

    assert MT4TradeTransaction.from_dict(first).order > 0
    assert again == first
    assert balance(sdk, witness) - before == Decimal("12.50")


async def test_finds_a_deposit_in_the_history_by_its_comment(sdk, witness):
    comment = uuid4().hex[:31]
    made = unwrap(
        sdk.mt4.raw(
            trade_transaction,
            trade_platform=witness.mt4_platform,
            body=deposit_of(witness, 3.25, comment),
            idempotency_key=str(uuid4()),
        )
    )
    now = datetime.now(UTC)

    answer = unwrap(
        sdk.mt4.raw(
            trades_user_history,
            trade_platform=witness.mt4_platform,
            login=witness.trading_login,
            from_time=now - timedelta(days=1),
            to_time=now + timedelta(days=1),
        )
    )

    (trade,) = [MT4Trade.from_dict(trade) for trade in answer if trade["comment"] == comment]
    assert (trade.order, trade.trade_command, trade.profit) == (made["order"], "Balance", 3.25)


async def test_makes_an_account_and_sets_its_password(sdk, witness, database):
    body = MT4UserCreate(login=0, group="Basic_IL2", name="Witness of Python", leverage=200)

    user = MT4User.from_dict(
        unwrap(
            sdk.mt4.raw(user_record_new, trade_platform=witness.mt4_platform, body=body, idempotency_key=str(uuid4()))
        )
    )
    answer = unwrap(
        sdk.mt4.raw(user_password_set, trade_platform=witness.mt4_platform, login=user.login, body="Wh1te!horse")
    )

    assert (user.group, user.leverage, user.balance) == ("Basic_IL2", 200, 0)
    assert answer is True
    assert await database.fetchval(
        "SELECT has_password FROM platform.account WHERE server = 'R1' AND login = $1", user.login
    )


async def test_reads_a_group_and_an_mt5_user(sdk, witness):
    group = unwrap(sdk.mt4.raw(group_record_get, trade_platform=witness.mt4_platform, group="Basic_IL2"))
    user = MT5User.from_dict(sdk.mt5.get_user(witness.mt5_platform, witness.mt5_login))

    assert group["currency"] == "USD"
    assert (user.login, user.group) == (witness.mt5_login, witness.mt5_group)


async def test_understands_each_refusal(sdk, witness):
    body = MT4TradeTransaction(trade_transaction_type="BrBalance", order_by=witness.trading_login, price=10.0)

    with pytest.raises(ApiError) as unknown:
        sdk.mt4.get_user_record(witness.mt4_platform, 1)
    with pytest.raises(ApiError) as forgotten_command:
        unwrap(sdk.mt4.raw(trade_transaction, trade_platform=witness.mt4_platform, body=body))

    assert (unknown.value.code, unknown.value.manager_code) == ("NotFound", None)
    assert (forgotten_command.value.code, forgotten_command.value.manager_code) == ("MT4Error", "TradeBadVolume")
    assert forgotten_command.value.applied_timeout == 5
    assert forgotten_command.value.activity_id


async def test_fetches_the_real_result_after_an_unknown_outcome(sdk, witness, box):
    before, key = balance(sdk, witness), str(uuid4())
    body = deposit_of(witness, 7.75, uuid4().hex[:31])
    box.tell("cplugin", "/misbehave", {"fault": "business_error", "code": "OutcomeUnknown", "apply": True, "times": 1})

    with pytest.raises(ApiError) as unknown:
        unwrap(sdk.mt4.raw(trade_transaction, trade_platform=witness.mt4_platform, body=body, idempotency_key=key))
    result = unwrap(sdk.mt4.raw(trade_transaction, trade_platform=witness.mt4_platform, body=body, idempotency_key=key))

    assert is_outcome_unknown(unknown.value)
    assert unknown.value.outcome == "unknown"
    assert result["order"] > 0
    assert balance(sdk, witness) - before == Decimal("7.75")


async def test_knows_busy_as_safe_to_repeat(sdk, witness, box):
    before = balance(sdk, witness)
    box.tell("cplugin", "/misbehave", {"fault": "business_error", "code": "Busy", "times": 1})

    with pytest.raises(ApiError) as busy:
        unwrap(sdk.mt4.raw(trade_transaction, trade_platform=witness.mt4_platform, body=deposit_of(witness, 1.0, "b")))

    assert is_safe_to_retry(busy.value)
    assert busy.value.outcome == "not-started"
    assert balance(sdk, witness) == before


async def test_takes_a_fresh_token_after_a_401(sdk, witness, box):
    sdk.list_trade_platforms()
    box.tell("cplugin", "/misbehave", {"fault": "expire_token"})

    assert balance(sdk, witness) >= 0
    assert box.calls("cplugin_auth")["by_path"]["/connect/token"] == 2

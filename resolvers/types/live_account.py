import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Annotated, TypeGuard

import strawberry
from strawberry.utils.str_converters import to_camel_case

from core.errors import Reason, Rejected, UpstreamError
from core.records import AccountKey, AccountRecord, LiveAccountRecord
from engine import JointSources, joins_requests
from resolvers.context import Context
from resolvers.policy.directives import needs
from resolvers.policy.enums import UpstreamSystem
from resolvers.policy.errors import BadUserInput
from resolvers.policy.scopes import Scope
from resolvers.types.scalars import CurrencyCode
from upstreams.vendors.kit.protocol import LiveFigures, Platform

Answer = LiveAccountRecord | BaseException | None
_MOST_AGE_SECONDS = 3600
_MAX_AGE = f"The maximum age of a cached figure that the caller accepts, from 0 to {_MOST_AGE_SECONDS}."


@strawberry.type(
    description="The live figures of an account at its trading server. A figure is null without an error if the vendor "
    "does not document it.",
    directives=[needs(Scope.BALANCE_READ)],
)
class LiveAccount:
    balance: Decimal | None = strawberry.field(description="Money on the account, without open trades.")
    credit: Decimal | None = strawberry.field(description="Credit, which cannot be withdrawn.")
    equity: Decimal | None = strawberry.field(description="Balance, credit and the floating result of open trades.")
    margin: Decimal | None = strawberry.field(description="Margin that open trades use.")
    free_margin: Decimal | None = strawberry.field(description="Equity less margin.")
    margin_level: Decimal | None = strawberry.field(
        description="Equity in per cent of margin; null if the margin is zero."
    )
    group: str | None = strawberry.field(description="The account's group on the server.")
    leverage: Decimal | None = strawberry.field(description="Leverage, 100 for 1:100.")
    max_leverage: Decimal | None = strawberry.field(description="cTrader only: the highest leverage.")
    currency: CurrencyCode | None = strawberry.field(description="The deposit currency.")
    enabled: bool | None = strawberry.field(description="Whether the login may sign in.")
    read_only: bool | None = strawberry.field(description="Whether trading is blocked.")
    send_reports: bool | None = strawberry.field(description="Whether the server mails statements.")
    lead_source: str | None = strawberry.field(description="The source of the lead.")
    owner_id: str | None = strawberry.field(description="The vendor's id of the account's owner.")
    account_type: str | None = strawberry.field(description="cTrader only: HEDGED, NETTED or SPREAD_BETTING.")
    total_margin_calculation: str | None = strawberry.field(description="cTrader only: MAX, SUM or NET.")
    swap_free: bool | None = strawberry.field(description="Whether no swaps are charged.")
    french_risk: bool | None = strawberry.field(
        description="cTrader only: whether the account has limited risk by French rules."
    )
    registered_at: datetime | None = strawberry.field(description="The time at which the account was created.")
    observed_at: datetime = strawberry.field(description="The time of the server's answer.")

    @strawberry.field(description="The vendor's API that answered.")
    def system(root: strawberry.Parent[LiveAccountRecord]) -> UpstreamSystem:
        return UpstreamSystem(root.system)


def _wanted(context: Context) -> frozenset[str]:
    """The figures that the whole operation selects, so that equal aliases share one call."""
    asked = context.fields
    return frozenset(name for name, coordinate in _FIGURES if coordinate in asked)


_FIGURES = tuple((name, f"LiveAccount.{to_camel_case(name)}") for name in LiveAccount.__dataclass_fields__)


def _answers_many(server: str, context: Context) -> bool:
    """Whether one call to the server may be for several requests. Where a call has only one login, each request waits
    for its own calls, and has its own limit.
    """
    platform = context.services.upstreams.platforms.get(server)
    return platform is None or platform.live is None or platform.live.batch_max > 1


@joins_requests(JointSources(attrgetter("server"), _answers_many))
async def live_accounts(
    accounts: Sequence[AccountRecord],
    context: Context,
    max_age_seconds: Annotated[int | None, strawberry.argument(description=_MAX_AGE)] = 0,
) -> list[Answer]:
    """Makes one call per server, chunk and vendor function. Servers are called concurrently."""
    age = max_age_seconds or 0
    if not 0 <= age <= _MOST_AGE_SECONDS:
        raise BadUserInput(f"maxAgeSeconds must be from 0 to {_MOST_AGE_SECONDS}; got {age}.")
    if (known := context.known.get(live_accounts)) and all(account.key in known for account in accounts):
        return [_known(account, known[account.key], context) for account in accounts]
    wanted = _wanted(context)
    cached = _cached(accounts, wanted, age, context) if age else {}
    servers: defaultdict[str, list[str]] = defaultdict(list)
    for account in accounts:
        if not cached or account.key not in cached:
            servers[account.server].append(account.login)
    asked = [_ask(server, logins, wanted, context) for server, logins in servers.items()]
    answers = [await asked[0]] if len(asked) == 1 else await asyncio.gather(*asked)
    by_server = dict(zip(servers, answers, strict=True))
    if not cached:
        return [by_server[account.server][account.login] for account in accounts]
    return [cached.get(account.key) or by_server[account.server][account.login] for account in accounts]


def _known(account: AccountRecord, value: Answer, context: Context) -> Answer:
    """The value of a stream's poll."""
    platform = context.services.upstreams.platforms.get(account.server)
    if value is not None or platform is None or platform.live is None:
        return value
    return unknown_login(account.server, account.login, platform)


def _cached(
    accounts: Sequence[AccountRecord], wanted: frozenset[str], age: int, context: Context
) -> Mapping[AccountKey, LiveAccountRecord]:
    """The cached figures that are young enough."""
    cache = context.services.upstreams.live_cache
    found = {account.key: cache.get(account.key, wanted, age) for account in accounts}
    return {key: record for key, record in found.items() if record is not None}


async def _ask(server: str, logins: Sequence[str], wanted: frozenset[str], context: Context) -> Mapping[str, Answer]:
    """The answers of one server by login. Each login has an answer."""
    platform = context.services.upstreams.platforms.get(server)
    if platform is None or platform.live is None:
        # TradingServer.hasLiveFigures tells this in advance, so that it is no error.
        return dict.fromkeys(logins)
    if problem := _too_many(platform, platform.live, len(logins), context):
        return dict.fromkeys(logins, problem)
    cache = context.services.upstreams.live_cache
    stamp = cache.stamp(wanted)
    found = await platform.live.fetch(logins, wanted, context.call)
    if cache.is_wanted:
        cache.put([(AccountKey(server, login), one) for login, one in found.items() if _is_figure(one)], stamp)
    if None not in found.values():
        return found
    return {login: unknown_login(server, login, platform) if one is None else one for login, one in found.items()}


def _is_figure(answer: Answer) -> TypeGuard[LiveAccountRecord]:
    return answer.__class__ is LiveAccountRecord


def too_many_single(servers: Sequence[str], context: Context) -> UpstreamError | None:
    """The error for more accounts of a vendor without a batch call than an operation may have; one server each."""
    platforms = context.services.upstreams.platforms
    for server, count in Counter(servers).items():
        platform = platforms.get(server)
        if platform and platform.live and (problem := _too_many(platform, platform.live, count, context)):
            return problem
    return None


def _too_many(platform: Platform, live: LiveFigures, count: int, context: Context) -> UpstreamError | None:
    most = context.services.limits.single_live_accounts_max
    if live.batch_max > 1 or count <= most:
        return None
    message = f"{platform.name} answers one login per call: at most {most} in one operation; asked for {count}."
    return Rejected(message, system=platform.system, name=platform.name, reason=Reason.LIMIT_EXCEEDED)


def unknown_login(server: str, login: str, platform: Platform) -> UpstreamError:
    message = f"The trading server {server} does not know the login {login}."
    return Rejected(message, system=platform.system, name=server, reason=Reason.NOT_FOUND)

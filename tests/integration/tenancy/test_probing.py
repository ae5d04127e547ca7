"""Every argument of the schema that could name something is tried with what belongs to another agency or client: the
answer is, byte for byte and call for call, the answer for what does not exist. A new argument fails until it is tried.
"""

import base64
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import anyio
import asyncpg
import msgspec
import pytest
from graphql import GraphQLObjectType, get_named_type, is_input_object_type, is_object_type
from support.issuers import OWN_CLIENT
from support.mutations import deposit

from resolvers.schema import core_schema

VENDORS = ("hyper", "cplugin", "broker_work", "broctagon")

NAMES_NOTHING = {
    "first": "a count",
    "last": "a count",
    "platforms": "an enum",
    "statuses": "an enum",
    "kinds": "an enum",
    "field": "an enum",
    "direction": "an enum",
    "groups": "a trading group, which is the broker's and no client's",
    "createdFrom": "a time",
    "createdTo": "a time",
    "balanceFrom": "a figure",
    "balanceTo": "a figure",
    "webStatus": "an enum",
    "erpStatus": "an enum",
    "currencies": "a currency",
    "maxAgeSeconds": "an age",
    "everySeconds": "an age",
    "from": "a time",
    "to": "a time",
    "leverage": "a figure",
    "amount": "a figure",
    "currency": "a currency",
    "note": "a remark",
    "reason": "a remark",
    "group": "a trading group, which is the broker's and no client's",
    "connectionId": "a connection, which is the broker's and no client's",
    "accountTypeId": "an account type, which is the broker's and no client's",
    "offerUuid": "an offer, which is the broker's and no client's",
    "fortexUsername": "passed on with an order for a client who was checked before",
}
OF_THE_BROKER = {
    "Client.tradingAccounts(filter.servers)": "a trading server, which is the broker's and no client's",
    "Query.tradingAccounts(filter.servers)": "a trading server, which is the broker's and no client's",
    "Query.accountSummary(filter.servers)": "a trading server, which is the broker's and no client's",
    "Subscription.instructionEvents(filter.servers)": "a trading server, which is the broker's and no client's",
    "Subscription.instructionEvents(after)": "a place in the log of all instructions",
    "Query.instructions(filter.servers)": "a trading server, which is the broker's and no client's",
    "Mutation.createTradingAccount(input.server.server)": "a trading server, which is the broker's and no client's",
}


def node_id(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def cursor(kind, *key):
    return base64.urlsafe_b64encode(msgspec.json.encode([kind, *key])).decode().rstrip("=")


ACCOUNT = "tradingAccount(by: { account: { server: $s, login: $l } }) { login }"
DEPOSIT = """mutation ($a: TradingAccountBy!, $k: ID!) { deposit(input: { account: $a, amount: "1", currency: USD,
  idempotencyKey: $k }) { __typename ... on MutationError { code message retry } } }"""
WITHDRAW = DEPOSIT.replace("deposit(", "withdraw(")
DECIDE = """mutation ($v: ID!) { %s(input: { id: $v }) { __typename ... on MutationError { code message retry } } }"""
CREATE = """mutation ($n: Int!, $k: ID!) { createTradingAccount(input: { clientNumber: $n, idempotencyKey: $k }) {
  __typename ... on MutationError { code message retry } } }"""
REQUEST = """mutation ($u: String!, $k: ID!) { openAccountRequest(input: { userId: $u, connectionId: "mt4live1",
  platform: { mt4: { leverage: "1" } }, idempotencyKey: $k }) {
  __typename ... on MutationError { code message retry } } }"""
YEAR = 'from: "2025-01-01T00:00:00Z", to: "2026-01-01T00:00:00Z"'
TRADES = f"openPositions {{ ticket }} closedTrades({YEAR}) {{ nodes {{ ticket }} }} dailyReports({YEAR}) {{ day }}"
LIST = "clients(first: 5, {}: $v) {{ totalCount nodes {{ clientNumber }} pageInfo {{ hasNextPage }} }}"
ACCOUNTS = "tradingAccounts(first: 5, {}: $v) {{ totalCount nodes {{ login }} pageInfo {{ hasNextPage }} }}"
COMMANDS = "instructions(first: 5, {}: $v) {{ totalCount nodes {{ id }} pageInfo {{ hasNextPage }} }}"
SUMS = "{ count byAgency { agency count } balances { currency balance } totalFloatingBalance { amount } }"
ACCOUNT_SUMS = "{ count byServer { server currency balance } byPlatform { platform accounts } }"
MINE = "client(by: { clientNumber: $n }) { %s(first: 5, %s: $v) { totalCount nodes { id } } }"


def account(server, login):
    return {"account": {"server": server, "login": login}}


# Of each argument: the operation, and the variables for a thing, which is a foreign one or one that does not exist.
PROBES = {
    "Query.node(id)": (
        "query ($a: ID!, $b: ID!, $c: ID!) { a: node(id: $a) { id } b: node(id: $b) { id } c: node(id: $c) { id } }",
        lambda one, _: {
            "a": node_id(f"Client:{one.number}"),
            "b": node_id(f"TradingAccount:{one.server}/{one.login}"),
            "c": one.instruction,
        },
    ),
    "Query.nodes(ids)": (
        "query ($v: [ID!]!) { nodes(ids: $v) { id } }",
        lambda one, _: {"v": [node_id(f"Client:{one.number}"), one.instruction]},
    ),
    "Query.client(by.id)": (
        "query ($v: ID!) { client(by: { id: $v }) { fullName } }",
        lambda one, _: {"v": node_id(f"Client:{one.number}")},
    ),
    "Query.client(by.clientNumber)": (
        "query ($v: Int!) { client(by: { clientNumber: $v }) { fullName live { agency } } }",
        lambda one, _: {"v": one.number},
    ),
    "Query.client(by.account.login)": (
        "query ($s: String!, $l: String!) { client(by: { account: { server: $s, login: $l } }) { fullName } }",
        lambda one, _: {"s": one.server, "l": one.login},
    ),
    "Query.client(by.account.server)": (
        "query ($s: String!, $l: String!) { client(by: { account: { server: $s, login: $l } }) { fullName } }",
        lambda one, _: {"s": one.server, "l": one.login},
    ),
    "Query.tradingAccount(by.id)": (
        f"query ($v: ID!) {{ tradingAccount(by: {{ id: $v }}) {{ login live {{ balance }} {TRADES} }} }}",
        lambda one, _: {"v": node_id(f"TradingAccount:{one.server}/{one.login}")},
    ),
    "Query.tradingAccount(by.account.login)": (
        f"query ($s: String!, $l: String!) {{ {ACCOUNT} }}",
        lambda one, _: {"s": one.server, "l": one.login},
    ),
    "Query.tradingAccount(by.account.server)": (
        f"query ($s: String!, $l: String!) {{ {ACCOUNT} }}",
        lambda one, _: {"s": one.server, "l": one.login},
    ),
    "Query.instruction(by.id)": (
        "query ($v: ID!) { instruction(by: { id: $v }) { status } }",
        lambda one, _: {"v": one.instruction},
    ),
    "Query.instruction(by.idempotencyKey)": (
        "query ($v: ID!) { instruction(by: { idempotencyKey: $v }) { status } }",
        lambda one, _: {"v": one.key},
    ),
    "Query.clients(after)": (
        f"query ($v: String!) {{ {LIST.format('after')} }}",
        lambda one, _: {"v": cursor("clients", one.number)},
    ),
    "Query.clients(before)": (
        f"query ($v: String!) {{ {LIST.format('before')} }}",
        lambda one, _: {"v": cursor("clients", one.number)},
    ),
    "Query.clients(filter.clientNumbers)": (
        "query ($v: Int!) { clients(filter: { clientNumbers: [$v] }) { totalCount nodes { fullName } } }",
        lambda one, _: {"v": one.number},
    ),
    "Query.clients(filter.agency)": (
        "query ($v: Int!) { clients(filter: { agency: [$v] }) { totalCount nodes { fullName } } }",
        lambda one, _: {"v": one.agency},
    ),
    "Query.clients(filter.search)": (
        """query ($n: String!, $m: String!, $f: String!) {
           a: clients(filter: { search: $n }) { totalCount nodes { fullName } }
           b: clients(filter: { search: $m }) { totalCount nodes { fullName } }
           c: clients(filter: { search: $f }) { totalCount nodes { fullName } } }""",
        lambda one, _: {"n": str(one.number), "m": one.email, "f": one.name},
    ),
    "Query.clientSummary(filter.clientNumbers)": (
        f"query ($v: Int!) {{ clientSummary(filter: {{ clientNumbers: [$v] }}) {SUMS} }}",
        lambda one, _: {"v": one.number},
    ),
    "Query.clientSummary(filter.agency)": (
        f"query ($v: Int!) {{ clientSummary(filter: {{ agency: [$v] }}) {SUMS} }}",
        lambda one, _: {"v": one.agency},
    ),
    "Query.clientSummary(filter.search)": (
        f"""query ($n: String!, $m: String!, $f: String!) {{
           a: clientSummary(filter: {{ search: $n }}) {SUMS} b: clientSummary(filter: {{ search: $m }}) {SUMS}
           c: clientSummary(filter: {{ search: $f }}) {SUMS} }}""",
        lambda one, _: {"n": str(one.number), "m": one.email, "f": one.name},
    ),
    "Query.clientSummary(filter.phone)": (
        f"query ($v: String!) {{ clientSummary(filter: {{ phone: $v }}) {SUMS} }}",
        lambda one, _: {"v": one.phone},
    ),
    "Query.accountSummary(filter.agency)": (
        f"query ($v: Int!) {{ accountSummary(filter: {{ agency: [$v] }}) {ACCOUNT_SUMS} }}",
        lambda one, _: {"v": one.agency},
    ),
    "Query.accountSummary(filter.search)": (
        f"""query ($l: String!, $n: String!, $m: String!) {{
           a: accountSummary(filter: {{ search: $l }}) {ACCOUNT_SUMS}
           b: accountSummary(filter: {{ search: $n }}) {ACCOUNT_SUMS}
           c: accountSummary(filter: {{ search: $m }}) {ACCOUNT_SUMS} }}""",
        lambda one, _: {"l": one.login, "n": str(one.number), "m": one.email},
    ),
    "Query.tradingAccounts(after)": (
        f"query ($v: String!) {{ {ACCOUNTS.format('after')} }}",
        lambda one, _: {"v": cursor("accounts", one.server, one.login)},
    ),
    "Query.tradingAccounts(before)": (
        f"query ($v: String!) {{ {ACCOUNTS.format('before')} }}",
        lambda one, _: {"v": cursor("accounts", one.server, one.login)},
    ),
    "Query.tradingAccounts(filter.agency)": (
        "query ($v: Int!) { tradingAccounts(filter: { agency: [$v] }) { totalCount nodes { login } } }",
        lambda one, _: {"v": one.agency},
    ),
    "Query.clients(filter.phone)": (
        "query ($v: String!) { clients(filter: { phone: $v }) { totalCount nodes { fullName } } }",
        lambda one, _: {"v": one.phone},
    ),
    "Query.tradingAccounts(filter.search)": (
        """query ($l: String!, $n: String!, $m: String!) {
           a: tradingAccounts(filter: { search: $l }) { totalCount nodes { login } }
           b: tradingAccounts(filter: { search: $n }) { totalCount nodes { login } }
           c: tradingAccounts(filter: { search: $m }) { totalCount nodes { login } } }""",
        lambda one, _: {"l": one.login, "n": str(one.number), "m": one.email},
    ),
    "Client.tradingAccounts(filter.search)": (
        """query ($n: Int!, $l: String!, $m: String!) { client(by: { clientNumber: $n }) {
           a: tradingAccounts(filter: { search: $l }) { totalCount nodes { login } }
           b: tradingAccounts(filter: { search: $m }) { totalCount nodes { login } } } }""",
        lambda one, mine: {"n": mine or one.number, "l": one.login, "m": one.email},
    ),
    "Client.tradingAccounts(filter.agency)": (
        """query ($n: Int!, $v: Int!) { client(by: { clientNumber: $n }) {
           tradingAccounts(filter: { agency: [$v] }) { totalCount nodes { login } } } }""",
        lambda one, mine: {"n": mine or one.number, "v": one.agency},
    ),
    "Client.tradingAccounts(after)": (
        f"query ($n: Int!, $v: String!) {{ {MINE % ('tradingAccounts', 'after')} }}",
        lambda one, mine: {"n": mine, "v": cursor("accounts", one.server, one.login)},
    ),
    "Client.tradingAccounts(before)": (
        f"query ($n: Int!, $v: String!) {{ {MINE % ('tradingAccounts', 'before')} }}",
        lambda one, mine: {"n": mine, "v": cursor("accounts", one.server, one.login)},
    ),
    "Query.instructions(after)": (
        f"query ($v: String!) {{ {COMMANDS.format('after')} }}",
        lambda one, _: {"v": cursor("instructions.created_at", "2020-01-01T00:00:00Z", one.position)},
    ),
    "Query.instructions(before)": (
        f"query ($v: String!) {{ {COMMANDS.format('before')} }}",
        lambda one, _: {"v": cursor("instructions.created_at", "2020-01-01T00:00:00Z", one.position)},
    ),
    "Query.instructions(filter.clientNumbers)": (
        "query ($v: Int!) { instructions(filter: { clientNumbers: [$v] }) { totalCount nodes { id } } }",
        lambda one, _: {"v": one.number},
    ),
    "TradingAccount.closedTrades(after)": (
        f"""query ($n: Int!, $v: String!) {{ client(by: {{ clientNumber: $n }}) {{ tradingAccounts {{ nodes {{
            closedTrades({YEAR}, first: 2, after: $v) {{ nodes {{ ticket }} pageInfo {{ endCursor }} }} }} }} }} }}""",
        lambda one, mine: {"n": mine, "v": cursor("trades", one.position, one.login)},
    ),
    "Client.instructions(after)": (
        f"query ($n: Int!, $v: String!) {{ {MINE % ('instructions', 'after')} }}",
        lambda one, mine: {"n": mine, "v": cursor("instructions", one.position)},
    ),
    "Client.instructions(before)": (
        f"query ($n: Int!, $v: String!) {{ {MINE % ('instructions', 'before')} }}",
        lambda one, mine: {"n": mine, "v": cursor("instructions", one.position)},
    ),
    "Mutation.deposit(input.account.id)": (
        DEPOSIT,
        lambda one, _: {"a": {"id": node_id(f"TradingAccount:{one.server}/{one.login}")}, "k": str(uuid.uuid4())},
    ),
    "Mutation.deposit(input.account.account.login)": (
        DEPOSIT,
        lambda one, _: {"a": account(one.server, one.login), "k": str(uuid.uuid4())},
    ),
    "Mutation.deposit(input.account.account.server)": (
        DEPOSIT,
        lambda one, _: {"a": account(one.server, one.login), "k": str(uuid.uuid4())},
    ),
    "Mutation.deposit(input.idempotencyKey)": (DEPOSIT, lambda one, _: {"a": account("R1", "1"), "k": one.key}),
    "Mutation.withdraw(input.account.id)": (
        WITHDRAW,
        lambda one, _: {"a": {"id": node_id(f"TradingAccount:{one.server}/{one.login}")}, "k": str(uuid.uuid4())},
    ),
    "Mutation.withdraw(input.account.account.login)": (
        WITHDRAW,
        lambda one, _: {"a": account(one.server, one.login), "k": str(uuid.uuid4())},
    ),
    "Mutation.withdraw(input.account.account.server)": (
        WITHDRAW,
        lambda one, _: {"a": account(one.server, one.login), "k": str(uuid.uuid4())},
    ),
    "Mutation.withdraw(input.idempotencyKey)": (WITHDRAW, lambda one, _: {"a": account("R1", "1"), "k": one.key}),
    "Mutation.approveInstruction(input.id)": (DECIDE % "approveInstruction", lambda one, _: {"v": one.instruction}),
    "Mutation.declineInstruction(input.id)": (DECIDE % "declineInstruction", lambda one, _: {"v": one.instruction}),
    "Mutation.createTradingAccount(input.clientNumber)": (
        CREATE,
        lambda one, _: {"n": one.number, "k": str(uuid.uuid4())},
    ),
    "Mutation.createTradingAccount(input.idempotencyKey)": (CREATE, lambda one, _: {"n": 499_999, "k": one.key}),
    "Mutation.openAccountRequest(input.userId)": (REQUEST, lambda one, _: {"u": one.user, "k": str(uuid.uuid4())}),
    "Mutation.openAccountRequest(input.idempotencyKey)": (REQUEST, lambda one, _: {"u": "C0499999", "k": one.key}),
}


# The first answers of streams. The log is read from its beginning.
STREAMS = {
    "Subscription.instructionUpdated(id)": (
        "subscription ($v: ID!) { instructionUpdated(id: $v) { status } }",
        lambda one, _: {"v": one.instruction},
    ),
    "Subscription.instructionEvents(filter.clientNumbers)": (
        """subscription ($v: Int!, $after: String!) { instructionEvents(
           after: $after, filter: { clientNumbers: [$v] }) { event { status } instruction { idempotencyKey } } }""",
        lambda one, after: {"v": one.number, "after": after},
    ),
    "Subscription.tradingAccountsChanged(ids)": (
        "subscription ($v: ID!) { tradingAccountsChanged(ids: [$v]) { account { login } } }",
        lambda one, _: {"v": node_id(f"TradingAccount:{one.server}/{one.login}")},
    ),
    "Subscription.clientBalancesChanged(clientNumbers)": (
        "subscription ($v: Int!) { clientBalancesChanged(clientNumbers: [$v]) { client { fullName } changed } }",
        lambda one, _: {"v": one.number},
    ),
}


def leaves(kind, path, above=frozenset()):
    """Every argument down to the scalars and enums in its input objects."""
    named = get_named_type(kind)
    if not is_input_object_type(named):
        yield ".".join(path)
    elif named.name not in above:
        for name, field in named.fields.items():
            yield from leaves(field.type, [*path, name], above | {named.name})


def arguments():
    for kind in core_schema.type_map.values():
        if is_object_type(kind) and isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for name, field in kind.fields.items():
                for argument, definition in field.args.items():
                    for leaf in leaves(definition.type, [argument]):
                        yield f"{kind.name}.{name}({leaf})"


@pytest.mark.parametrize("argument", sorted(set(arguments())))
def test_every_argument_is_tried_or_said_to_name_nothing(argument):
    last = argument.rstrip(")").replace("(", ".").rpartition(".")[2]

    ways = [argument in PROBES or argument in STREAMS, last in NAMES_NOTHING, argument in OF_THE_BROKER]

    assert sum(ways) == 1, "add it to PROBES, or say why it names nothing of anybody's"


def test_nothing_is_tried_that_is_gone():
    assert set(arguments()) >= PROBES.keys() | STREAMS.keys() | OF_THE_BROKER.keys()


@dataclass(frozen=True)
class Thing:
    """What can be named of a client, their account and their instruction."""

    number: int
    agency: int
    server: str
    login: str
    email: str
    phone: str
    name: str
    user: str
    instruction: str
    key: str
    position: int


@dataclass(frozen=True)
class Things:
    """An object of another tenant, an object that does not exist but would be beside it, and a client of the caller."""

    foreign: Thing
    absent: Thing
    mine: dict[str, int]


ORDERABLE = """SELECT c.*, a.server, a.login FROM brokergraph_erp.client c
    JOIN brokergraph_erp.trading_account a USING (client_number)
    WHERE c.identity_locked AND c.erp_status IN (4, 5) AND a.server = 'R1' AND a.currency = 'USD' AND """
FOREIGN = """c.agency <> 1 AND c.client_number <> 500608 AND c.email <> '' AND c.phone <> '' AND c.crm_user_id <> ''
    AND NOT EXISTS
    (SELECT FROM brokergraph_erp.client n WHERE n.client_number = c.client_number + 1) ORDER BY a.login LIMIT 1"""


@pytest.fixture(scope="module")
def things(box, callers):
    async def look():
        connection = await asyncpg.connect(box.database_url)
        try:
            mine = await connection.fetchrow(f"{ORDERABLE} c.agency = 1 ORDER BY a.login LIMIT 1")
            row = await connection.fetchrow(ORDERABLE + FOREIGN)
            deposit(callers.graph, "R1", mine["login"], caller=callers.bound)
            key = str(uuid.uuid4())
            made = deposit(callers.graph, row["server"], row["login"], key=key)["instruction"]["id"]
            position = "SELECT number FROM brokergraph.instruction WHERE idempotency_key = $1"
            agencies = await connection.fetchval("SELECT max(agency) FROM brokergraph_erp.client")
            return mine, row, key, made, await connection.fetchval(position, key), agencies
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as thread:
        mine, row, key, made, position, agencies = thread.submit(anyio.run, look).result()
    foreign = Thing(row["client_number"], row["agency"], row["server"], row["login"], row["email"], row["phone"],
                    row["full_name"], row["crm_user_id"], made, key, position)  # fmt: skip
    absent = Thing(foreign.number + 1, agencies + 1, "R1", f"{foreign.login}00000", "nobody@example.invalid",
                   "99999999", "Zzqx", "C0499999", node_id(f"Instruction:{uuid.uuid4()}"), str(uuid.uuid4()),
                   position + 10**6)  # fmt: skip
    return Things(foreign, absent, {"bound": mine["client_number"], "own": OWN_CLIENT})


def answer_and_cost(callers, box, caller, document, variables, *, explain=True):
    """Every byte of the answer but the measured times, and how often each system was asked for it."""
    box.reset()
    response = callers.graph.post(document, variables, caller, explain=explain)
    asked = {vendor: box.calls(vendor)["total"] for vendor in VENDORS}
    content = re.sub(rb'"milliseconds":\{[^}]*\}', b"", response.content)
    return response.status_code, content, asked


@pytest.mark.parametrize("who", ["bound", "own"])
@pytest.mark.parametrize("argument", PROBES)
def test_what_belongs_to_another_is_like_what_does_not_exist(callers, things, well_behaved, argument, who):
    document, variables = PROBES[argument]
    caller, mine = getattr(callers, who), things.mine[who]

    foreign = answer_and_cost(callers, well_behaved, caller, document, variables(things.foreign, mine))
    absent = answer_and_cost(callers, well_behaved, caller, document, variables(things.absent, mine))

    assert foreign == absent
    assert foreign[0] == 200
    # An operation without `explain` may be answered in another way: with text that the database renders.
    assert answer_and_cost(
        callers, well_behaved, caller, document, variables(things.foreign, mine), explain=False
    ) == answer_and_cost(callers, well_behaved, caller, document, variables(things.absent, mine), explain=False)
    if who == "bound":
        assert b'"plan"' in foreign[1], "the number of statements is part of what is compared"
        assert b"FORBIDDEN" not in foreign[1], "a caller who is refused for a scope proves nothing"


WOULD_TELL = [
    name for name in PROBES if not name.startswith("Mutation") and "after" not in name and "before" not in name
]


@pytest.mark.parametrize("argument", [name for name in WOULD_TELL if name != "Query.instruction(by.idempotencyKey)"])
def test_a_caller_with_the_permission_sees_the_difference(callers, things, well_behaved, argument):
    """Else the test above would pass on a document that never finds anything."""
    document, variables = PROBES[argument]

    foreign = answer_and_cost(callers, well_behaved, "demo-operator", document, variables(things.foreign, 0))
    absent = answer_and_cost(callers, well_behaved, "demo-operator", document, variables(things.absent, 0))

    assert foreign[1] != absent[1]


def first_answer(callers, caller, document, variables):
    """The bytes of a stream's first answer."""
    headers = {"authorization": f"Bearer {caller}", "accept": "text/event-stream"}
    body = {"query": document, "variables": variables}
    with callers.graph.client.stream("POST", f"{callers.graph.url}/graphql", headers=headers, json=body) as response:
        return next(line for line in response.iter_lines() if line.startswith("data: "))


def beginning_of_log(callers):
    present = callers.graph.data("{ instructionEventsCursor }")["instructionEventsCursor"]
    kind, epoch, _ = msgspec.json.decode(base64.urlsafe_b64decode(present + "=" * (-len(present) % 4)))
    return cursor(kind, epoch, 0)


@pytest.mark.parametrize("who", ["bound", "own"])
@pytest.mark.parametrize("argument", STREAMS)
def test_a_stream_of_another_tenants_object_is_like_one_of_an_absent_object(callers, things, argument, who):
    (document, variables), after = STREAMS[argument], beginning_of_log(callers)
    caller = getattr(callers, who)

    answers = [
        first_answer(callers, caller, document, variables(one, after)) for one in (things.foreign, things.absent)
    ]

    assert answers[0] == answers[1]
    assert who == "own" or "FORBIDDEN" not in answers[0]


@pytest.mark.parametrize("argument", STREAMS)
def test_a_caller_with_the_permission_sees_the_difference_in_a_stream(callers, things, argument):
    (document, variables), after = STREAMS[argument], beginning_of_log(callers)

    answers = [
        first_answer(callers, "demo-operator", document, variables(one, after))
        for one in (things.foreign, things.absent)
    ]

    assert answers[0] != answers[1]

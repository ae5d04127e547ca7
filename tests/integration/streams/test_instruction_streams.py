"""The streams of instructions over both transports: each event once, the current state first, only what is visible."""

import asyncio
from base64 import urlsafe_b64encode
from contextlib import AsyncExitStack

import pytest
from support.mutations import deposit, new_key
from support.streams import EVENTS, TRANSPORTS, UPDATED, EventSource, SocketStream

from api.services import open_state
from api.settings.settings import load_settings
from core.secret import Secret
from upstreams.state.api_keys import KeyRecord

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]
transports = pytest.mark.parametrize("transport", TRANSPORTS, ids=lambda one: one.__name__)


@pytest.fixture
async def key(box):
    """A key that may see instructions and no clients."""
    async with open_state(load_settings(box.settings_path, {})) as stores:
        record = KeyRecord("streams-instructions", "streams-instructions", ("instruction:read",), None)
        await stores.keys.add(record, Secret("streams-instructions"))
    return "streams-instructions"


def cursor(graph):
    return graph.data("{ instructionEventsCursor }")["instructionEventsCursor"]


async def events(stream, number):
    found = []
    while len(found) < number:
        body = await stream.next()
        assert body is not None
        assert "errors" not in body, body
        found.append(body["data"]["instructionEvents"])
    return found


async def in_thread(function, *arguments, **more):
    return await asyncio.to_thread(function, *arguments, **more)


@transports
async def test_every_event_of_a_deposit_comes_once_and_in_order(graph, account, transport):
    after = cursor(graph)
    async with transport.open(graph.url, EVENTS, {"after": after}) as stream:
        payload = await in_thread(deposit, graph, *account)
        found = await events(stream, 3)

    assert [one["event"]["status"] for one in found] == ["RECEIVED", "SENT", "CONFIRMED"]
    assert {one["instruction"]["id"] for one in found} == {payload["instruction"]["id"]}

    async with transport.open(graph.url, EVENTS, {"after": found[0]["cursor"]}) as stream:
        again = await events(stream, 2)
    # The instruction is as it was when the log was read.
    assert [(one["cursor"], one["event"]) for one in again] == [(one["cursor"], one["event"]) for one in found[1:]]


@transports
async def test_a_filter_selects_events(graph, account, transport):
    variables = {"after": cursor(graph), "filter": {"statuses": ["CONFIRMED"], "kinds": ["DEPOSIT"]}}
    async with transport.open(graph.url, EVENTS, variables) as stream:
        await in_thread(deposit, graph, *account)
        [one] = await events(stream, 1)

    assert one["event"]["status"] == "CONFIRMED"


@transports
async def test_a_caller_gets_only_events_that_it_may_see(graph, account, database, transport):
    other = await database.fetchval(
        """SELECT t.login FROM platform.account a
           JOIN brokergraph_erp.trading_account t ON t.server = a.server AND t.login = a.login::text
           JOIN brokergraph_erp.client c ON c.client_number = t.client_number
           WHERE a.server = 'R3' AND a.currency = 'USD' AND c.identity_locked AND c.erp_status IN (4, 5)
                 AND c.agency <> 1 AND a.enabled AND NOT a.read_only ORDER BY a.login LIMIT 1"""
    )
    async with transport.open(graph.url, EVENTS, {"after": cursor(graph)}, key="demo-partner") as stream:
        await in_thread(deposit, graph, "R3", other)
        payload = await in_thread(deposit, graph, *account)
        found = await events(stream, 3)

    assert {one["instruction"]["id"] for one in found} == {payload["instruction"]["id"]}


@transports
async def test_an_instruction_is_followed_to_its_final_status(graph, account, transport, database):
    payload = await in_thread(deposit, graph, *account)
    identity = payload["instruction"]["id"]
    async with transport.open(graph.url, UPDATED, {"id": identity}) as stream:
        assert (await stream.next())["data"]["instructionUpdated"] == {"id": identity, "status": "CONFIRMED"}
        assert await stream.next() is None


@transports
async def test_an_open_instruction_is_followed_through_its_changes(graph, account, transport, database):
    key = new_key()
    row = await database.fetchrow(
        """INSERT INTO brokergraph.instruction (id, kind, status, principal, idempotency_key, request_hash, reference,
               client_number, agency, server, login, amount, currency, created_at, settle_at)
           VALUES (gen_random_uuid(), 'DEPOSIT', 'RECEIVED', 'test', $1::text, sha256(convert_to($1, 'UTF8')),
                   left(md5($1), 20),
                   1, 1, 'R3', '1', 1, 'USD', now(), 'infinity') RETURNING id""",
        key,
    )
    note = """INSERT INTO brokergraph.instruction_event (instruction_id, sequence, at, status, actor)
              SELECT id, $2, now(), status, 'test' FROM brokergraph.instruction WHERE id = $1"""
    move = "UPDATE brokergraph.instruction SET status = $2, sent_at = now() WHERE id = $1"
    await database.execute(note, row["id"], 1)
    identity = urlsafe_b64encode(f"Instruction:{row['id']}".encode()).rstrip(b"=").decode()
    async with transport.open(graph.url, UPDATED, {"id": identity}) as stream:
        found = [(await stream.next())["data"]["instructionUpdated"]["status"]]
        for sequence, status in enumerate(("SENT", "REJECTED"), 2):
            async with database.transaction():
                await database.execute(move, row["id"], status)
                await database.execute(note, row["id"], sequence)
            found.append((await stream.next())["data"]["instructionUpdated"]["status"])
        assert await stream.next() is None

    assert found == ["RECEIVED", "SENT", "REJECTED"]


@transports
@pytest.mark.parametrize(
    "query, variables, code",
    [
        pytest.param(
            UPDATED, {"id": "SW5zdHJ1Y3Rpb246MDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAw"}, "BAD_USER_INPUT"
        ),
        pytest.param(EVENTS, {"after": "nonsense"}, "BAD_USER_INPUT", id="no cursor"),
        pytest.param("subscription { nothing }", None, "GRAPHQL_VALIDATION_FAILED", id="no document"),
        pytest.param(
            "subscription { a: instructionEvents { cursor } b: instructionEvents { cursor } }",
            None,
            "GRAPHQL_VALIDATION_FAILED",
            id="two fields",
        ),
    ],
)
async def test_a_stream_that_cannot_begin_says_why(graph, transport, query, variables, code):
    async with transport.open(graph.url, query, variables) as stream:
        body = await stream.next()

    assert body["errors"][0]["extensions"]["code"] == code


CHOSEN = """subscription ($after: String, $short: Boolean!) {
  instructionEvents(after: $after) {
    event { status actor @skip(if: $short) } instruction { client { clientNumber } } } }"""


async def test_streams_of_one_event_keep_their_own_selections_and_rights(graph, account, key):
    """Streams with the same selection share an answer. The others must not get it."""
    after = cursor(graph)
    asked = [
        (CHOSEN, True, "demo-operator"),
        (CHOSEN, False, "demo-operator"),
        (CHOSEN, True, key),
        (CHOSEN.replace("event {", "occurrence: event {"), True, "demo-operator"),
        (CHOSEN, True, "demo-operator"),
    ]
    async with AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(SocketStream.open(graph.url, query, {"after": after, "short": short}, own))
            for query, short, own in asked
        ]
        await in_thread(deposit, graph, *account)
        short, long, poor, renamed, same = [await stream.next() for stream in streams]

    events = [body["data"]["instructionEvents"] for body in (short, long, poor, renamed, same)]
    assert events[0] == events[4]
    assert set(events[0]["event"]) == {"status"}
    assert set(events[1]["event"]) == {"status", "actor"}
    assert events[2] == {"event": {"status": "RECEIVED"}, "instruction": {"client": None}}
    assert poor["errors"][0]["extensions"]["requiredScopes"] == ["client:read"]
    assert set(events[3]) == {"occurrence", "instruction"}
    assert "errors" not in short


async def test_a_shared_answer_shows_no_client_that_another_caller_sees(graph, account, database):
    after, move = cursor(graph), "UPDATE hyper.clients SET agency = $2 WHERE client_number = $1"
    await in_thread(deposit, graph, *account)
    number = await database.fetchval(
        "SELECT client_number FROM brokergraph_erp.trading_account WHERE server = $1 AND login = $2", *account
    )
    await database.execute(move, number, 2)
    try:
        seen = []
        for key in ("demo-operator", "demo-partner"):
            async with SocketStream.open(graph.url, CHOSEN, {"after": after, "short": True}, key) as stream:
                [event] = await events(stream, 1)
                seen.append(event["instruction"]["client"])
    finally:
        await database.execute(move, number, 1)

    assert seen == [{"clientNumber": number}, None]


@transports
async def test_a_stream_needs_its_scope(graph, transport):
    async with transport.open(graph.url, EVENTS, key="demo-reader") as stream:
        body = await stream.next()

    assert body["errors"][0]["extensions"] == {"code": "FORBIDDEN", "requiredScopes": ["instruction:read"]}


@transports
async def test_a_cursor_ahead_of_the_log_is_bad_input(graph, transport, database):
    epoch, seq = await database.fetchrow("SELECT epoch, seq FROM brokergraph.stream_head")
    ahead = urlsafe_b64encode(f'["instruction.events","{epoch}",{seq + 1000}]'.encode()).rstrip(b"=").decode()
    async with transport.open(graph.url, EVENTS, {"after": ahead}) as stream:
        body = await stream.next()

    assert body["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@transports
async def test_a_cursor_of_another_epoch_resets_the_stream(graph, transport):
    text = '["instruction.events","00000000-0000-0000-0000-000000000000",0]'
    old = urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
    async with transport.open(graph.url, EVENTS, {"after": old}) as stream:
        body, end = await stream.next(), await stream.next()

    assert (body["data"], body["errors"][0]["extensions"]["code"], end) == (None, "STREAM_RESET", None)


async def test_the_last_event_id_counts_more_than_the_argument(graph, account):
    after = cursor(graph)
    await in_thread(deposit, graph, *account)
    async with EventSource.open(graph.url, EVENTS, {"after": after}) as source:
        found = await events(source, 3)
        assert source.ids == [one["cursor"] for one in found]
    headers = {"last-event-id": found[1]["cursor"]}
    async with EventSource.open(graph.url, EVENTS, {"after": after}, headers=headers) as source:
        [again] = await events(source, 1)
    assert again["cursor"] == found[2]["cursor"]


async def test_a_finished_stream_that_is_repeated_is_not_run_again(graph, account):
    identity = (await in_thread(deposit, graph, *account))["instruction"]["id"]
    async with EventSource.open(graph.url, UPDATED, {"id": identity}) as source:
        await source.next()
        assert await source.next() is None
        assert source.ids == ["finished"]
    async with EventSource.open(graph.url, UPDATED, {"id": identity}, headers={"last-event-id": "finished"}) as source:
        assert source.response.status_code == 204

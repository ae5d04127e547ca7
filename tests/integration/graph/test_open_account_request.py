import pytest
from support.mutations import STATUSES, new_key, request, statuses

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

PLATFORMS = [
    ("mt4live1", {"mt4": {"leverage": "100"}}),
    ("mt5live1", {"mt5": {"leverage": "5000"}}),
    ("mtrlive1", {"mtr": {"offerUuid": "0b0c3b8e-8d2b-4d52-9a3c-0d6a2f0a7d11"}}),
    ("wtalive1", {"wta": {"group": "Retail"}}),
    ("ctrlive1", {"ctrader": {"leverage": "1", "group": "Default", "currency": "EUR"}}),
    ("fortex01", {"fortex": {"leverage": "0.01", "group": "G", "currency": "USD", "fortexUsername": "u1"}}),
]


@pytest.fixture
async def user(database):
    """The CRM id of a client without any request."""
    return await database.fetchval(
        """SELECT c.crm_user_id FROM brokergraph_erp.client c WHERE c.crm_user_id IS NOT NULL
           AND NOT EXISTS (SELECT FROM crm.account_request r WHERE r.user_id = c.crm_user_id)
           AND NOT EXISTS (SELECT FROM brokergraph.instruction i WHERE i.client_number = c.client_number)
           ORDER BY client_number DESC LIMIT 1"""
    )


async def requests_of(database, user):
    query = "SELECT platform, connection_id, body::text FROM crm.account_request WHERE user_id = $1"
    return [tuple(row) for row in await database.fetch(query, user)]


@pytest.mark.parametrize("connection, platform", PLATFORMS, ids=[next(iter(p)) for _, p in PLATFORMS])
async def test_each_platform_is_accepted_by_its_own_rules(graph, database, user, connection, platform):
    key = new_key()

    payload = request(graph, user, platform, connection, key)
    again = request(graph, user, platform, connection, key)

    assert payload["__typename"] == "OpenAccountRequested"
    assert statuses(payload) == STATUSES
    assert again == payload
    [(found, at, _)] = await requests_of(database, user)
    assert (found, at) == (next(iter(platform)), connection)


MT4 = {"mt4": {"leverage": "100"}}
VENDOR_ERRORS = [
    ("mt4full1", MT4, "ACCOUNT_LIMIT_REACHED", "trading_account_limit_exceeded"),
    ("mt4demo1", MT4, "DEMO_CONNECTION_NOT_ALLOWED", "servce_is_demo"),
    ("nowhere1", MT4, "CONNECTION_NOT_FOUND", "mt4_connection_not_found"),
    ("nowhere1", {"mt5": {"leverage": "1"}}, "CONNECTION_NOT_FOUND", "mt5_connection_not_found"),
    ("nowhere1", {"wta": {"group": "g"}}, "CONNECTION_NOT_FOUND", "trade_connection_not_found"),
    ("mt4live1", {"mt4": {"leverage": "1", "accountTypeId": "nope"}}, "INVALID_ACCOUNT_TYPE", "invalid_account_type"),
]


@pytest.mark.parametrize("connection, platform, code, upstream_code", VENDOR_ERRORS)
async def test_each_documented_error_of_the_crm_comes_out_as_its_code(
    graph, database, user, connection, platform, code, upstream_code
):
    payload = request(graph, user, platform, connection)

    assert (payload["__typename"], payload["code"], payload["upstreamCode"], payload["retry"]) == (
        "Refused",
        code,
        upstream_code,
        "NEVER",
    )
    assert await requests_of(database, user) == []


async def test_m13_an_empty_account_type_reaches_the_crm_as_its_document_allows(graph, user, database):
    payload = request(graph, user, {"mt4": {"leverage": "1", "accountTypeId": ""}})

    assert payload["__typename"] == "OpenAccountRequested"
    assert len(await requests_of(database, user)) == 1


async def test_a_second_request_on_a_connection_waits_for_the_first(graph, user):
    request(graph, user, MT4)

    payload = request(graph, user, MT4)

    assert (payload["code"], payload["upstreamCode"]) == ("REQUEST_ALREADY_PENDING", "pending_requests_exist")


async def test_the_corrected_spelling_of_the_demo_error_is_understood_too(graph, well_behaved, user):
    well_behaved.tell("broctagon", "/misbehave", {"fault": "json", "status": 400, "json": {"type": "service_is_demo"}})

    assert request(graph, user, MT4)["code"] == "DEMO_CONNECTION_NOT_ALLOWED"


REFUSED = [
    ({"mt4": {"leverage": "0.99"}}, ["platform", "mt4", "leverage"]),
    ({"mt5": {"leverage": "5000.01"}}, ["platform", "mt5", "leverage"]),
    ({"ctrader": {"leverage": "0", "group": "g", "currency": "USD"}}, ["platform", "ctrader", "leverage"]),
    (
        {"fortex": {"leverage": "0.009", "group": "g", "currency": "USD", "fortexUsername": "u"}},
        ["platform", "fortex", "leverage"],
    ),
    ({"wta": {"group": " "}}, ["platform", "wta", "group"]),
    ({"mtr": {"offerUuid": ""}}, ["platform", "mtr", "offerUuid"]),
]


@pytest.mark.parametrize("platform, path", REFUSED)
async def test_what_breaks_the_crms_rules_is_refused_before_it_is_asked(graph, well_behaved, user, platform, path):
    payload = request(graph, user, platform)

    assert (payload["__typename"], payload["code"]) == ("ValidationFailed", "VALIDATION_FAILED")
    assert [issue["path"] for issue in payload["issues"]] == [path]
    assert well_behaved.calls("broctagon")["total"] == 0


async def test_exactly_one_platform_must_be_named(graph, user):
    query = "mutation ($input: OpenAccountRequestInput!) { openAccountRequest(input: $input) { __typename } }"
    chosen = {"userId": user, "connectionId": "mt4live1", "idempotencyKey": new_key()}

    for platform in ({}, {"mt4": {"leverage": "1"}, "wta": {"group": "g"}}, {"mt4": None}):
        response = graph.post(query, {"input": chosen | {"platform": platform}})
        assert response.status_code == 400
        assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_an_unknown_user_is_not_found(graph, well_behaved):
    payload = request(graph, "nobody99", MT4)

    assert (payload["__typename"], payload["code"]) == ("Refused", "NOT_FOUND")
    assert well_behaved.calls("broctagon")["total"] == 0


async def test_a_lost_answer_leaves_the_request_unknown(graph, well_behaved, user):
    well_behaved.tell("broctagon", "/misbehave", {"fault": "drop_after"})

    payload = request(graph, user, MT4)

    assert payload["__typename"] == "InstructionPending"
    assert statuses(payload) == ["RECEIVED", "SENT", "UNKNOWN"]

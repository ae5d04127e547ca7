import base64

import pytest

PAGE = """query ($first: Int, $after: String, $last: Int, $before: String) {
  clients(first: $first, after: $after, last: $last, before: $before) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { clientNumber } }
  } }"""


def numbers(page):
    return [edge["node"]["clientNumber"] for edge in page["edges"]]


def test_pages_forward_meet_every_client_once(graph):
    seen, after, pages = [], None, 0
    while pages == 0 or after is not None:
        page = graph.data(PAGE, {"first": 90, "after": after})["clients"]
        seen += numbers(page)
        after = page["pageInfo"]["endCursor"] if page["pageInfo"]["hasNextPage"] else None
        pages += 1

    assert seen == sorted(set(seen))
    assert len(seen) == page["totalCount"]
    assert pages == -(-len(seen) // 90)


def test_pages_backward_are_the_same_in_the_other_direction(graph):
    forward = graph.data(PAGE, {"first": 200})["clients"]
    last = graph.data(PAGE, {"last": 5})["clients"]
    before = graph.data(PAGE, {"last": 5, "before": forward["edges"][5]["cursor"]})["clients"]

    assert len(numbers(last)) == 5
    assert last["pageInfo"]["hasPreviousPage"] is True
    assert last["pageInfo"]["hasNextPage"] is False
    assert numbers(before) == numbers(forward)[:5]
    assert before["pageInfo"]["hasPreviousPage"] is False
    assert before["pageInfo"]["hasNextPage"] is True


@pytest.mark.parametrize("size", ["first", "last"])
def test_a_page_between_two_cursors_has_something_on_both_sides(graph, size):
    edges = graph.data(PAGE, {"first": 8})["clients"]["edges"]
    between = {"after": edges[0]["cursor"], "before": edges[7]["cursor"]}

    whole = graph.data(PAGE, {size: 9, **between})["clients"]
    part = graph.data(PAGE, {size: 2, **between})["clients"]

    assert len(numbers(whole)) == 6
    for page in (whole, part):
        assert page["pageInfo"]["hasPreviousPage"] is page["pageInfo"]["hasNextPage"] is True


def test_the_default_page_has_fifty_and_counts_only_when_asked(graph):
    body = graph.ask("{ clients { nodes { clientNumber } } }", explain=True)
    counted = graph.ask("{ clients { totalCount nodes { clientNumber } } }", explain=True)

    assert len(body["data"]["clients"]["nodes"]) == 50
    assert body["extensions"]["plan"]["actual"]["ERP_DATABASE"]["calls"] == 1
    assert counted["extensions"]["plan"]["actual"]["ERP_DATABASE"]["calls"] == 2


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("first: -1", "first must be from 1 to 200; got -1."),
        ("first: 0", "first must be from 1 to 200; got 0."),
        ("first: 201", "first must be from 1 to 200; got 201."),
        ("last: 201", "last must be from 1 to 200; got 201."),
        ("first: 1, last: 1", "first and last must not be given together."),
        ('after: "garbage"', "'garbage' is not a cursor of this list; take one from its pageInfo or edges."),
        ('after: ""', "'' is not a cursor of this list; take one from its pageInfo or edges."),
    ],
)
def test_a_page_that_cannot_be_is_refused_with_its_place(graph, arguments, message):
    body = graph.ask(f"{{ clients({arguments}) {{ nodes {{ clientNumber }} }} viewer {{ name }} }}")

    [error] = body["errors"]
    assert error["message"] == message
    assert error["path"] == ["clients"]
    assert error["locations"] == [{"line": 1, "column": 3}]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert body["data"] == {"clients": None, "viewer": {"name": "demo-operator"}}


def test_a_cursor_of_another_list_is_refused(graph):
    foreign = base64.urlsafe_b64encode(b'["accounts","R1","1"]').decode().rstrip("=")

    body = graph.ask("query ($after: String) { clients(after: $after) { nodes { clientNumber } } }", {"after": foreign})

    assert body["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def test_accounts_of_many_clients_page_in_one_statement(graph):
    query = """{ clients(first: 100) { nodes { clientNumber tradingAccounts(first: 1) {
        totalCount pageInfo { hasNextPage endCursor } nodes { login server { name } } } } } }"""

    body = graph.ask(query, explain=True)

    assert body["extensions"]["plan"]["actual"]["ERP_DATABASE"]["calls"] == 3
    for client in body["data"]["clients"]["nodes"]:
        page = client["tradingAccounts"]
        assert len(page["nodes"]) == min(1, page["totalCount"])
        assert page["pageInfo"]["hasNextPage"] == (page["totalCount"] > 1)


def test_accounts_are_filtered_by_platform_server_and_state(graph):
    query = """query ($filter: TradingAccountFilter) { clients(first: 200) { nodes { tradingAccounts(filter: $filter) {
        totalCount nodes { platform status server { name } } } } } }"""

    def found(**conditions):
        clients = graph.data(query, {"filter": conditions})["clients"]["nodes"]
        assert all(len(c["tradingAccounts"]["nodes"]) == c["tradingAccounts"]["totalCount"] for c in clients)
        return [account for client in clients for account in client["tradingAccounts"]["nodes"]]

    everything = found()
    assert {a["platform"] for a in found(platforms=["MT5"])} == {"MT5"}
    assert {a["platform"] for a in found(platforms=["UNRECOGNISED"])} == {"UNRECOGNISED"}
    assert {a["server"]["name"] for a in found(servers=["R1", "L2"])} == {"R1", "L2"}
    assert {a["status"] for a in found(statuses=["CLOSED"])} == {"CLOSED"}
    assert len(found(statuses=["CLOSED", "READONLY", "ACTIVE", "UNKNOWN"])) == len(everything)
    assert found(servers=[]) == []

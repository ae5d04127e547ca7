"""One dead vendor never blanks another, and the answer comes within the deadline."""

import pytest

pytestmark = pytest.mark.usefixtures("well_behaved")

JOINED = """
{ client(by: { clientNumber: 500608 }) {
    fullName webStatus { code } totalFloatingBalance { amount }
    live { totalFloatingBalance { amount } }
    tradingAccounts { nodes { login server { system } live { group leverage } } }
} }
"""
FAULTS = [
    {"fault": "refuse"},
    {"fault": "hang"},
    {"fault": "drop_before"},
    {"fault": "status", "status": 500},
    {"fault": "status", "status": 429},
    {"fault": "nonsense"},
    {"fault": "half", "truncate": True},
    {"fault": "drip", "seconds": 60},
]
VENDORS = {"hyper": "HYPER", "cplugin": "CPLUGIN", "broker_work": "BROKER_WORK"}


def dead_places(client, system):
    """Paths of the fields that only this system answers."""
    if system == "HYPER":
        return [["client", "live"]]
    nodes = client["tradingAccounts"]["nodes"]
    return [
        ["client", "tradingAccounts", "nodes", place, "live"]
        for place, account in enumerate(nodes)
        if account["server"]["system"] == system
    ]


def without(data, path):
    """The data with null at the path."""
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = None
    return data


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault['fault']}{fault.get('status', '')}")
def test_what_a_dead_vendor_does_not_answer_is_null_and_all_else_as_it_was(graph, well_behaved, vendor, fault):
    system = VENDORS[vendor]
    expected = graph.data(JOINED)
    places = dead_places(expected["client"], system)
    for path in places:
        without(expected, path)

    well_behaved.tell(vendor, "/misbehave", fault)
    response = graph.post(JOINED)

    # 3 seconds is the server's deadline; that it answers at all is what shows it, not how long we waited.
    assert response.status_code == 200
    body = response.json()
    assert body["data"] == expected
    assert sorted(error["path"] for error in body["errors"]) == sorted(places)
    assert {error["extensions"]["system"] for error in body["errors"]} == {system}
    assert all(error["locations"] for error in body["errors"])


@pytest.mark.parametrize("vendor", VENDORS)
def test_it_recovers_by_itself(graph, well_behaved, vendor):
    healthy = graph.data(JOINED)
    well_behaved.tell(vendor, "/misbehave", {"fault": "status", "status": 500})
    assert "errors" in graph.ask(JOINED)

    well_behaved.tell(vendor, "/reset")

    assert graph.data(JOINED) == healthy


def test_a_dead_erp_database_is_said_where_it_was_asked(graph, well_behaved):
    graph.data("{ viewer { name } }")
    well_behaved.tell("box", "/database/stop?mode=immediate")
    try:
        body = graph.ask(
            "{ viewer { name } client(by: { clientNumber: 500608 }) { fullName } tradingServers { name } }"
        )
    finally:
        well_behaved.tell("box", "/database/start")

    [error] = body["errors"]
    assert body["data"]["client"] is None
    assert body["data"]["viewer"] == {"name": "demo-operator"}
    assert len(body["data"]["tradingServers"]) == 7
    assert error["path"] == ["client"]
    assert error["extensions"] == {
        "code": "UPSTREAM_UNAVAILABLE",
        "system": "ERP_DATABASE",
        "name": "ERP_DATABASE",
    }
    assert graph.data("{ client(by: { clientNumber: 500608 }) { clientNumber } }")

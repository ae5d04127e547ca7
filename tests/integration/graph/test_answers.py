"""The documents' own examples, to the digit, through the whole house."""

import pytest

CLIENT = """
query ($number: Int!) {
  client(by: { clientNumber: $number }) {
    clientNumber fullName agency standing
    erpStatus { code rawCode text }
    webStatus { code rawCode text canSignIn canTransact }
    balances { currency balance cash held value { amount currency } rate }
    totalFloatingBalance { amount currency }
    live {
      standing agency erpStatus { code } webStatus { code }
      balances { currency balance cash value { amount currency } }
      totalFloatingBalance { amount currency }
    }
  }
}
"""


def ils(amount):
    return {"amount": amount, "currency": "ILS"}


HELD = [
    ("BTC", "0.10790961", "0.10790961", "25133.80"),
    ("ETH", "2.47121843", "2.47121843", "17208.41"),
    ("ILS", "27354.00", "25354.00", "27354.00"),
    ("USD", "1064.15", "1064.15", "3192.44"),
]


def test_the_documents_client_has_the_documents_figures(graph):
    client = graph.data(CLIENT, {"number": 500608})["client"]

    found = [(row["currency"], row["balance"], row["cash"], row["value"]) for row in client["balances"]]
    assert found == [(currency, balance, cash, ils(value)) for currency, balance, cash, value in HELD]
    assert [row["held"] for row in client["balances"]] == ["0.00000000", "0.00000000", "2000.00", "0.00"]
    assert client["totalFloatingBalance"] == ils("72888.65")
    assert client["erpStatus"] == {"code": "REAL", "rawCode": 5, "text": "לקוח אמיתי"}
    assert client["webStatus"] == {
        "code": "APPROVED",
        "rawCode": 2,
        "text": "מאושר / פעיל",
        "canSignIn": True,
        "canTransact": True,
    }
    assert (client["agency"], client["standing"]) == (0, "OK")


def test_the_erps_api_says_the_same_as_its_database(graph):
    live = graph.data(CLIENT, {"number": 500608})["client"]["live"]

    found = [(row["currency"], row["balance"], row["cash"], row["value"]) for row in live["balances"]]
    assert found == [(currency, balance, cash, ils(value)) for currency, balance, cash, value in HELD]
    assert live["totalFloatingBalance"] == ils("72888.65")
    assert (live["standing"], live["agency"]) == ("OK", 0)
    assert (live["erpStatus"], live["webStatus"]) == ({"code": "REAL"}, {"code": "APPROVED"})


def test_one_query_joins_two_trading_platform_vendors(graph):
    query = """{ client(by: { clientNumber: 500608 }) { tradingAccounts { nodes {
        login server { name system } live {
          balance equity currency group leverage maxLeverage enabled readOnly sendReports leadSource accountType
          totalMarginCalculation swapFree frenchRisk system registeredAt } } } } }"""

    accounts = graph.data(query)["client"]["tradingAccounts"]["nodes"]

    by_login = {account["login"]: account for account in accounts}
    assert by_login["61436"]["server"] == {"name": "R1", "system": "CPLUGIN"}
    assert by_login["61436"]["live"]["balance"] is not None
    sample = {
        "balance": None,
        "equity": None,
        "maxLeverage": "0",
        "enabled": True,
        "readOnly": False,
        "sendReports": False,
        "accountType": "HEDGED",
        "totalMarginCalculation": "MAX",
        "swapFree": False,
        "frenchRisk": False,
        "system": "BROKER_WORK",
    }
    first = by_login["3004272"]["live"]
    assert {name: first[name] for name in sample} == sample
    assert (first["currency"], first["group"], first["leverage"]) == ("EUR", "Default", "20")
    second = by_login["3004273"]["live"]
    assert (second["currency"], second["group"], second["leverage"]) == ("USD", "HFT", "300")


def test_the_total_is_null_and_never_partial_where_a_rate_is_missing(graph, box):
    query = """{ clients(filter: { clientNumbers: [500030,500031,500032,500033,500034,500035,500036,500037] }) { nodes {
        clientNumber balances { currency value { amount } rate } totalFloatingBalance { amount } } } }"""

    clients = graph.data(query)["clients"]["nodes"]

    without_rate = [c for c in clients if any(row["value"] is None for row in c["balances"])]
    assert without_rate, "the seed has a client with a currency that has no rate"
    assert all(client["totalFloatingBalance"] is None for client in without_rate)
    assert all(row["rate"] is None for c in without_rate for row in c["balances"] if row["value"] is None)


def test_a_client_without_balances_has_a_total_of_zero(graph):
    query = (
        "{ client(by: { clientNumber: 500014 }) { balances { currency } totalFloatingBalance { amount currency } } }"
    )

    client = graph.data(query)["client"]

    assert client == {"balances": [], "totalFloatingBalance": ils("0.00")}


def test_an_id_finds_its_object_again_whatever_it_is(graph):
    ids = graph.data("{ client(by: { clientNumber: 500608 }) { id tradingAccounts(first: 1) { nodes { id } } } }")[
        "client"
    ]
    wanted = [ids["id"], ids["tradingAccounts"]["nodes"][0]["id"]]

    found = graph.data("query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", {"ids": wanted})["nodes"]

    assert found == [
        {"__typename": "Client", "id": wanted[0]},
        {"__typename": "TradingAccount", "id": wanted[1]},
    ]


def test_a_search_is_a_number_an_address_or_the_beginning_of_a_name(graph):
    query = "query ($text: String!) { clients(filter: { search: $text }) { nodes { clientNumber fullName email } } }"

    by_number = graph.data(query, {"text": "500608"})["clients"]["nodes"]
    [client] = by_number
    by_email = graph.data(query, {"text": client["email"].upper()})["clients"]["nodes"]
    by_name = graph.data(query, {"text": client["fullName"][:5].lower()})["clients"]["nodes"]
    by_wildcard = graph.data(query, {"text": "%"})["clients"]["nodes"]

    assert by_email == by_number
    assert client in by_name
    assert by_wildcard == []


def test_unrecognised_codes_can_be_read_and_filtered(graph):
    query = "{ clients(filter: { erpStatus: [UNRECOGNISED] }, first: 200) { nodes { erpStatus { code rawCode } } } }"

    nodes = graph.data(query)["clients"]["nodes"]

    assert nodes, "the seed has a client with an ERP status that nobody documents"
    assert {node["erpStatus"]["code"] for node in nodes} == {"UNRECOGNISED"}
    assert all(node["erpStatus"]["rawCode"] not in range(7) for node in nodes)


@pytest.mark.anyio
async def test_balances_without_an_accounting_currency_are_not_taken_for_none(graph, database):
    query = """{ client(by: { clientNumber: 500608 }) {
        balances(currencies: [USD]) { currency balance value { amount } } totalFloatingBalance { amount } } }"""
    settings = await database.fetch("DELETE FROM hyper.system_settings RETURNING *")
    try:
        client = graph.data(query)["client"]
    finally:
        await database.executemany(
            f"INSERT INTO hyper.system_settings VALUES ({', '.join(f'${n + 1}' for n in range(len(settings[0])))})",
            settings,
        )

    assert client == {
        "balances": [{"currency": "USD", "balance": "1064.15", "value": None}],
        "totalFloatingBalance": None,
    }

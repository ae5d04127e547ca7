"""What is asked: the same documents of every server, each with a thousand different variables.

    S    one client                       D    a page of 50 clients               L    a page of 1,000
    S0, D0, L0                            the same without the vendor's figures, for PostGraphile knows no vendor

All of them with the web status, two accounts, four balances and the total of each client. SHAPES are what dashboards
really send; they are measured against each other, by what a field costs.
"""

import json
import random
from dataclasses import dataclass
from functools import cache

FIRST_CLIENT, CLIENTS = 500_000, 100_000
BODIES = 1000
ROWS = {"S": 1, "D": 50, "L": 1000}

CLIENT = """clientNumber fullName webStatus { code text }
  tradingAccounts(first: 5) { nodes { login platform group currency status LIVE } }
  balances { currency balance value { amount } cash }
  totalFloatingBalance { amount }"""

# PostGraphile's names, aliased to the same answer; its lists have no nodes and its codes are the tables' numbers.
POSTGRAPHILE_CLIENT = """clientNumber fullName: name webStatus: webStatusByClientNumber { code text }
  tradingAccounts: tradingAccountsByClientNumberList { login platform group currency status }
  balances: currencyBalancesByClientNumberList { currency balance value cash } totalFloatingBalance"""


@dataclass(frozen=True)
class Dialect:
    """How a server wants to be asked: `after` is the type of the argument that says where a page begins."""

    client: str
    page: str
    one: str
    cursors: bool = False


GRAPH = Dialect(
    CLIENT,
    "query Page($first: Int!, $after: AFTER) {{ clients(first: $first, after: $after) {{ nodes {{ {client} }} }} }}",
    "query One($number: Int!) {{ client(by: {{clientNumber: $number}}) {{ {client} }} }}",
)
OURS = Dialect(GRAPH.client, GRAPH.page.replace("AFTER", "String"), GRAPH.one, cursors=True)
PEERS = Dialect(GRAPH.client, GRAPH.page.replace("AFTER", "Int!"), GRAPH.one)
POSTGRAPHILE = Dialect(
    POSTGRAPHILE_CLIENT,
    "query Page($first: Int!, $after: Int!) "
    "{{ clients: clientsPageList(afterNumber: $after, n: $first) {{ {client} }} }}",
    "query One($number: Int!) {{ client: oneClient(number: $number) {{ {client} }} }}",
)


def document(dialect: Dialect, shape: str) -> str:
    live = "" if shape.endswith("0") else "live { leverage }"
    wanted = dialect.client.replace("LIVE", live)
    text = (dialect.one if shape[0] == "S" else dialect.page).format(client=wanted)
    return " ".join(text.split())


@cache
def numbers(rows: int) -> list[int]:
    """Clients after whom at least so many come; the same for every server."""
    dice = random.Random(11)
    return [FIRST_CLIENT + dice.randrange(1, CLIENTS - rows) for _ in range(BODIES)]


def bodies(dialect: Dialect, shape: str, rows: int | None = None) -> list[str]:
    """Requests as JSON. `rows`: another size of page than the shape's own."""
    text, rows = document(dialect, shape), rows or ROWS[shape[0]]
    if shape[0] == "S":
        return [json.dumps({"query": text, "variables": {"number": number}}) for number in numbers(1)]
    variables = ({"first": rows, "after": _after(dialect, number)} for number in numbers(rows))
    return [json.dumps({"query": text, "variables": one}) for one in variables]


def _after(dialect: Dialect, number: int) -> str | int:
    if not dialect.cursors:
        return number
    from resolvers.clients import CURSOR
    from resolvers.ids import encode_cursor

    return encode_cursor(CURSOR, number)


_PAGE = "query Q($first: Int!, $after: String) { clients(first: $first, after: $after) { %s } }"
SHAPES = {
    "plain": _PAGE % "nodes { clientNumber fullName webStatus { code text } balances { currency balance cash } }",
    "fragments": _PAGE
    % """nodes { ...Head ...Money } } } fragment Head on Client { clientNumber fullName webStatus { code text } }
      fragment Money on Client { balances { ...Row } totalFloatingBalance { amount currency } }
      fragment Row on CurrencyBalance { currency balance cash value { amount""",
    "aliases": _PAGE
    % """nodes { number: clientNumber name: fullName fiat: balances(currencies: [ILS, USD]) { currency held: balance }
      crypto: balances(currencies: [BTC, ETH]) { currency held: balance } total: totalFloatingBalance { amount }
      status: webStatus { code label: text } }""",
    "edges": _PAGE
    % """pageInfo { hasNextPage endCursor } edges { cursor node { id clientNumber fullName
      tradingAccounts(first: 5) { edges { cursor node { id login platform status server { name } } } } } }""",
    "include": _PAGE.replace("String)", "String, $live: Boolean = true)")
    % """nodes { clientNumber fullName @include(if: $live) email @skip(if: $live)
      tradingAccounts(first: 5) { nodes { login status live @include(if: $live) { leverage group currency } } }
      balances { currency balance cash } }""",
    "roots": """query Q($first: Int!, $after: String) {
      page: clients(first: $first, after: $after) { nodes { clientNumber fullName webStatus { code } } }
      again: clients(first: $first, after: $after) { nodes { clientNumber balances { currency balance } } }
      viewer { name scopes } }""",
    "deep": _PAGE
    % """nodes { clientNumber tradingAccounts(first: 5) { nodes { login server { name system }
      live { leverage group } client { clientNumber webStatus { code } } } } }""",
    "interfaces": """query Q($first: Int!, $after: String) { clients(first: $first, after: $after) { nodes { __typename
      ...on Node { id ... on Client { clientNumber fullName } } webStatus { __typename code text }
      balances { __typename currency balance cash } } } }""",
}


def shape_bodies(shape: str, rows: int = 50) -> list[str]:
    text = " ".join(SHAPES[shape].split())
    variables = ({"first": rows, "after": _after(OURS, number)} for number in numbers(rows))
    return [json.dumps({"query": text, "variables": one}) for one in variables]


def fields_of(data: object) -> int:
    """How many fields an answer has."""
    if isinstance(data, dict):
        return sum(1 + fields_of(value) for value in data.values())
    return sum(map(fields_of, data)) if isinstance(data, list) else 0

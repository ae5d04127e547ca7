"""What is asked: the same documents of every server, each with a thousand different variables.

    S    one client                       D    a page of 50 clients               L    a page of 1,000
    S0, D0, L0                            the same without the vendor's figures, for PostGraphile knows no vendor

All of them with the web status, two accounts, four balances and the total of each client. SHAPES ask for the same page
in the ways of real dashboards; they are measured against each other, by what a field costs.
"""

import json
import random
from collections.abc import Iterator
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
    after: str = "Int!"
    cursors: bool = False


GRAPH = Dialect(
    CLIENT,
    "query Page($first: Int!, $after: AFTER) {{ clients(first: $first, after: $after) {{ nodes {{ {client} }} }} }}",
    "query One($number: Int!) {{ client(by: {{clientNumber: $number}}) {{ {client} }} }}",
)
OURS = Dialect(GRAPH.client, GRAPH.page.replace("AFTER", "String"), GRAPH.one, "String", cursors=True)
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
    """Numbers of clients with at least `rows` clients after them; the same numbers for every server."""
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
    from resolvers.fields.ids import CLIENTS

    return CLIENTS.encode(number)


# The same page of clients as dashboards really write it. None asks for less than D does, and LIVE is the figures.
_HEAD = "query Q($first: Int!, $after: AFTER)"
_LIST = "{ clients(first: $first, after: $after) {"
_STATUS, _WORTH = "clientNumber fullName webStatus { code text }", "value { amount } cash"
_ACCOUNT = "login platform group currency status LIVE"
SHAPES = {
    "plain": f"{_HEAD} {_LIST} nodes {{ {CLIENT} }} }} }}",
    "fragments": f"""{_HEAD} {_LIST} nodes {{ ...Head ...Accounts ...Money }} }} }}
      fragment Head on Client {{ {_STATUS} }}
      fragment Accounts on Client {{ tradingAccounts(first: 5) {{ nodes {{ ...Account }} }} }}
      fragment Account on TradingAccount {{ {_ACCOUNT} }}
      fragment Money on Client {{ balances {{ ...Row }} totalFloatingBalance {{ ... on Money {{ amount }} }} }}
      fragment Row on CurrencyBalance {{ currency balance {_WORTH} }}""",
    "aliases": f"""{_HEAD} {{ page: clients(first: $first, after: $after) {{ rows: nodes {{
      number: clientNumber name: fullName status: webStatus {{ is: code label: text }}
      accounts: tradingAccounts(first: 5) {{ rows: nodes {{ on: platform kind: group currency status login LIVE }} }}
      holdings: balances {{ in: currency held: balance worth: value {{ amount }} free: cash }}
      total: totalFloatingBalance {{ worth: amount }} }} }} }}""",
    "variables": f"""query Q($first: Int!, $after: AFTER, $accounts: Int = 5) {_LIST} nodes {{ {_STATUS}
      tradingAccounts(first: $accounts) {{ nodes {{ {_ACCOUNT} }} }}
      balances {{ currency balance {_WORTH} }} totalFloatingBalance {{ amount }} }} }} }}""",
    "include": f"""query Q($first: Int!, $after: AFTER, $all: Boolean = true, $short: Boolean = false) {_LIST} nodes {{
      clientNumber fullName @skip(if: $short) webStatus @include(if: $all) {{ code text }}
      tradingAccounts(first: 5) {{ nodes {{ login platform @include(if: $all) group currency status LIVE }} }}
      ... @include(if: $all) {{ balances {{ currency balance {_WORTH} }} }}
      totalFloatingBalance @skip(if: $short) {{ amount }} }} }} }}""",
    "roots": f"""query Q($half: Int!, $after: AFTER, $later: AFTER) {{
      one: clients(first: $half, after: $after) {{ nodes {{ {CLIENT} }} }}
      other: clients(first: $half, after: $later) {{ nodes {{ {CLIENT} }} }} }}""",
    "edges": f"""{_HEAD} {_LIST} pageInfo {{ endCursor }} edges {{ cursor node {{ {_STATUS}
      tradingAccounts(first: 5) {{ pageInfo {{ endCursor }} edges {{ cursor node {{ {_ACCOUNT} }} }} }}
      balances {{ currency balance {_WORTH} }} totalFloatingBalance {{ amount }} }} }} }} }}""",
    "types": f"""{_HEAD} {_LIST} __typename nodes {{ __typename ... on Client {{ {_STATUS} }}
      tradingAccounts(first: 5) {{ nodes {{ __typename ... on TradingAccount {{ {_ACCOUNT} }} }} }}
      balances {{ __typename currency balance {_WORTH} }} totalFloatingBalance {{ __typename amount }} }} }} }}""",
    "deep": f"""{_HEAD} {_LIST} nodes {{ {_STATUS}
      tradingAccounts(first: 5) {{ nodes {{ {_ACCOUNT} client {{ clientNumber webStatus {{ code }} }} }} }}
      balances {{ currency balance {_WORTH} }} totalFloatingBalance {{ amount }} }} }} }}""",
}


def shape_bodies(dialect: Dialect, shape: str, *, figures: bool = True, rows: int = 50) -> list[str]:
    """Requests for one of SHAPES; without `figures` no vendor is asked."""
    text = SHAPES[shape].replace("AFTER", dialect.after).replace("LIVE", "live { leverage }" if figures else "")
    return [json.dumps({"query": " ".join(text.split()), "variables": one}) for one in _wanted(dialect, shape, rows)]


def _wanted(dialect: Dialect, shape: str, rows: int) -> Iterator[dict[str, int | str]]:
    for number in numbers(rows):
        if shape == "roots":
            after, later = _after(dialect, number), _after(dialect, number + rows // 2)
            yield {"half": rows // 2, "after": after, "later": later}
        else:
            yield {"first": rows, "after": _after(dialect, number)}


def fields_of(data: object) -> int:
    """How many fields an answer has."""
    if isinstance(data, dict):
        return sum(1 + fields_of(value) for value in data.values())
    return sum(map(fields_of, data)) if isinstance(data, list) else 0

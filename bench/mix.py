"""The requests of bench/mixed.py."""

import itertools
import json
import random
from dataclasses import dataclass

from documents import CLIENT
from driver import request_of
from mixed_driver import Asked
from mixed_report import SHARES
from support.mutations import DEPOSIT

from resolvers.fields.ids import CLIENTS as CLIENT_CURSOR
from sandbox.seed import FIRST_GENERATED

KEY = "demo-operator"
# Live figures come from the stand-in of bench/stub, which costs nearly nothing; the sandbox takes the deposits.
PLAIN = " ".join(CLIENT.replace("LIVE", "live { leverage }").split())
PLAIN = PLAIN.replace("(first: 5)", '(first: 5, filter: { servers: ["L1", "L2"] })')
ONE = "query One($number: Int!) {{ client(by: {{clientNumber: $number}}) {{ {fields} }} }}"
PAGE = "query Page($after: String) {{ clients(first: 50, after: $after) {{ nodes {{ {fields} }} }} }}"


@dataclass
class Mix:
    """The requests, in an order that is the same in each run."""

    asked: Asked
    clients: int
    documents: int
    accounts: list[dict[str, str]]

    def __post_init__(self) -> None:
        self._dice = random.Random(7)
        self._deposits = 0
        # The first document of a kind is the most popular one, and the second is asked half as often as the first.
        self._weights = list(itertools.accumulate(1 / rank for rank in range(1, self.documents // 2 + 1)))
        self._texts: dict[str, list[str]] = {"S": [], "D": []}
        for number in range(self.documents // 2):
            # Another name of one field makes another document with another plan.
            fields = PLAIN.replace("fullName", f"n{number}: fullName")
            for kind, text in (("S", ONE), ("D", PAGE)):
                self._texts[kind].append(json.dumps(text.format(fields=fields)))

    def each_document(self, times: int) -> list[bytes]:
        return [self._read(kind, text) for _ in range(times) for kind, texts in self._texts.items() for text in texts]

    def next(self) -> tuple[str, bytes]:
        kind = self._dice.choices(tuple(SHARES), tuple(SHARES.values()))[0]
        if kind == "deposit":
            return kind, self._deposit()
        return kind, self._read(kind, self._dice.choices(self._texts[kind], cum_weights=self._weights)[0])

    def _read(self, kind: str, text: str) -> bytes:
        number = FIRST_GENERATED + self._dice.randrange(self.clients - 60)
        value = f'"number": {number}' if kind == "S" else f'"after": "{CLIENT_CURSOR.encode(number)}"'
        return request_of(KEY, f'{{"query": {text}, "variables": {{{value}}}}}'.encode())

    def _deposit(self) -> bytes:
        self._deposits += 1
        chosen = {
            "account": {"account": self.accounts[self._deposits % len(self.accounts)]},
            "amount": "1.00",
            "currency": "USD",
            "idempotencyKey": f"mixed-{self._deposits}",
        }
        return request_of(KEY, json.dumps({"query": DEPOSIT, "variables": {"input": chosen}}).encode())

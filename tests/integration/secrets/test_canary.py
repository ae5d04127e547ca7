"""Marked secrets in every place that can hold one, faults of every kind, and a look at every byte that leaves."""

import dataclasses
import os
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from click.testing import CliRunner
from support.mutations import deposit
from support.polling import until

from api.cli import main
from api.observability.redaction import known_secrets
from api.settings.settings import load_settings
from core import records
from upstreams.state.api_keys import KeyRecord, make_key

pytestmark = pytest.mark.anyio

CLIENT = 500608
FAULTS = [
    {"fault": "refuse"},
    {"fault": "drop_before"},
    {"fault": "half", "truncate": True},
    {"fault": "nonsense"},
    {"fault": "status", "status": 401},
    {"fault": "status", "status": 500},
]
VENDORS = ("hyper", "cplugin", "cplugin_auth", "broker_work", "broctagon")
EVERYTHING = f"""{{ client(by: {{ clientNumber: {CLIENT} }}) {{ fullName totalFloatingBalance {{ amount }}
  live {{ message }} webStatus {{ code }} tradingAccounts {{ nodes {{ login live {{ balance equity }} }} }} }}
  upstreams {{ lastError }} viewer {{ name }} }}"""


@pytest.fixture
async def secrets(box, database, issuer):
    """Everything that must not be seen, by what it is."""
    passwords = await database.fetch("SELECT api_password FROM brokergraph_erp.api_password WHERE api_password <> ''")
    mails = await database.fetch("SELECT email FROM brokergraph_erp.client WHERE email <> ''")
    token = issuer.token(sub="subject-canary", agencies=[1])
    return {
        "a setting": sorted(known_secrets(load_settings(box.settings_path, {}))),
        "an API password": [row[0] for row in passwords],
        "a client's e-mail": [row[0] for row in mails],
        "a token": [token, *token.split(".")[1:]],
        "a subject": ["subject-canary"],
        "a key": ["bg_nobody_CANARY-KEY-0123456789"[10:], "CANARY-UNKNOWN"],
        "a variable": ["canary@variable.example", "+972549876543", "CANARY-NOTE", "CANARY-VARIABLE"],
    }


def found(where, text, secrets):
    return [(where, what) for what, texts in secrets.items() for one in texts if one in text]


def responses(graph, token):
    """What callers do that holds secrets, right or wrong, and what they are answered."""
    mail, phone, note = "canary@variable.example", "+972549876543", "CANARY-NOTE"
    search = "query ($s: String!) { clients(filter: { search: $s }) { totalCount nodes { fullName } } }"
    yield graph.post(EVERYTHING)
    yield graph.post("{ viewer { scopes } }", key=token)
    yield graph.post("{ viewer { scopes } }", key=token[:-8] + "AAAAAAAA")
    yield graph.post("{ viewer { name } }", key="bg_nobody_CANARY-KEY-0123456789")
    yield graph.post("{ viewer { name } }", key="CANARY-UNKNOWN")
    graph.post(search, {"s": mail}, operationName=mail)  # its answer may repeat the words of the request
    yield graph.post(search, {"s": mail})
    yield graph.post(search, {"s": phone})
    headers = {"x-request-id": "bg_nobody_CANARY-KEY-0123456789", "authorization": "Basic Q0FOQVJZLVVOS05PV04="}
    yield graph.client.get(f"{graph.url}/graphql", headers=headers, params={"query": "{ viewer { name } }"})
    yield graph.client.get(f"{graph.url}/metrics", headers={"authorization": "Bearer demo-operator"})
    yield graph.client.get(f"{graph.url}/readyz", headers={"authorization": "Bearer demo-operator"})
    order = {"account": {"account": {"server": "R1", "login": "1"}}, "amount": "1", "currency": "USD", "note": note,
             "idempotencyKey": str(uuid.uuid4())}  # fmt: skip
    yield graph.post("mutation ($i: DepositInput!) { deposit(input: $i) { __typename } }", {"i": order})


def said(response):
    """The response without what the caller sent and may have back: their own id of the request."""
    return response.text + str({name: value for name, value in response.headers.items() if name != "x-request-id"})


async def test_no_secret_leaves_by_any_answer_or_line_whatever_fails(
    watched, well_behaved, database, secrets, receiver
):
    token = secrets["a token"][0]
    seen = [item for one in responses(watched, token) for item in found("response", said(one), secrets)]
    for vendor in VENDORS:
        for fault in FAULTS:
            well_behaved.tell(vendor, "/misbehave", fault)
            seen += found(f"{vendor} {fault}", said(watched.post(EVERYTHING)), secrets)
            well_behaved.reset()
    await database.execute("ALTER VIEW brokergraph_erp.web_status RENAME TO away")
    try:
        seen += found("database refuses", said(watched.post(EVERYTHING)), secrets)
    finally:
        await database.execute("ALTER VIEW brokergraph_erp.away RENAME TO web_status")

    log = watched.written()
    await until(lambda: len(receiver.spans) > 100)

    assert seen == []
    assert {"Query", "Client", "TradingAccount", "CPLUGIN"} <= {span.name for span in receiver.spans}
    assert found("spans", b"".join(receiver.raw).decode(errors="replace"), secrets) == []
    assert found("log", log, secrets) == []
    assert '"event":"database.refused"' in log
    assert log.count('"event":"upstream_call"') > 20


async def test_the_command_line_shows_no_secret(box, database, watched, secrets):
    deposit(watched, "R1", "61436", note="CANARY-NOTE-2")
    shown = []
    for words in (
        ["keys", "list"],
        ["instructions", "list"],
        ["check"],
        ["keys", "create", "x", "--scope", "nonsense"],
    ):
        with ThreadPoolExecutor(1) as thread:
            command = [*words, "--config", str(box.settings_path)]
            clean = dict.fromkeys(name for name in os.environ if name.startswith("BROKERGRAPH_"))
            result = thread.submit(CliRunner().invoke, main, command, env=clean).result()
        shown += found(" ".join(words), result.output, secrets)

    assert shown == []


def test_no_settings_record_or_caller_shows_a_secret_by_its_repr(box):
    settings = load_settings(box.settings_path, {})
    key = make_key("k")
    everything = [settings, *(getattr(settings, name) for name in settings.__struct_fields__), key, [key], {"k": key},
                  KeyRecord("k", "p", (), None)]  # fmt: skip

    shown = " ".join(f"{one!r} {one!s}" for one in everything)

    assert [text for text in (*known_secrets(settings), key.reveal()) if text in shown] == []


def test_no_record_shows_a_clients_address_or_an_accounts_password_by_its_repr():
    assert records.ClientRecord in vars(records).values()
    canaries = []
    for name, kind in vars(records).items():
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            names = [field.name for field in dataclasses.fields(kind)]
            telling = [one for one in names if any(word in one for word in ("email", "phone", "password", "details"))]
            if telling:
                value = kind(**{one: f"CANARY-{one}" if one in telling else None for one in names})
                canaries += [f"{name}.{one}" for one in telling if f"CANARY-{one}" in repr(value)]

    assert canaries == []

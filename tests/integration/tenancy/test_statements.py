"""No statement reads client data past what its caller may see. Whatever is excepted is named here, with the reason."""

import re
from importlib.resources import files

import pytest

from upstreams.check.indexes import NEEDED

HEAD = re.compile(r"^-- (name|part): (\w+)\n", re.MULTILINE)
COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)
CLIENT_DATA = re.compile(
    r"\bbrokergraph_erp\.(?!accounting_currency\b)\w+|\bbrokergraph\.(instruction(?:_event)?|idempotency\w*|client_total|client_sum|account_sum)\b"
)

PARTS = {
    "erp.sql": "($1::int[] IS NULL OR c.agency = ANY ($1::int[])) AND ($2::int IS NULL OR c.client_number = $2)",
    "instructions.sql": "($1::int[] IS NULL OR i.agency = ANY ($1::int[]))\n"
    "AND ($2::int IS NULL OR (i.client_number = $2 AND i.principal = $3::text))",
}
OWN_WORK = "of the reconciler, which has no caller"
OPERATOR = "the operator's command line, which is not the graph"
EXCEPTED = {
    ("instructions.sql", "receive"): "writes the row that its caller's checks have just allowed",
    ("instructions.sql", "advance"): "moves a row on by its id and the status it was read with",
    ("instructions.sql", "by_key"): "a principal's own key; Visibility.includes is asked before the row is shown",
    ("instructions.sql", "takes_instructions"): "reads privileges, no row",
    ("instructions.sql", "events"): "only ids of instructions that were visible to the caller",
    ("instructions.sql", "spent_today"): "sums for a limit; no row leaves it",
    ("instructions.sql", "open_on_account"): "tells that another command excludes this one; no row leaves it",
    ("instructions.sql", "expired"): OWN_WORK,
    ("instructions.sql", "open"): OPERATOR,
    ("instructions.sql", "claim"): OWN_WORK,
    ("instructions.sql", "postpone"): OWN_WORK,
    ("instructions.sql", "booked_on"): OWN_WORK,
    ("check.sql", "any_client"): OPERATOR,
    ("check.sql", "servers"): OPERATOR,
    ("instruction_log.sql", "read"): "one reader for all streams; each stream asks Visibility.includes",
    ("lists.sql", "all_totals"): "of the rebuild of the snapshot, which has no caller",
    ("lists.sql", "all_account_sums"): "of the rebuild of the snapshot, which has no caller",
    ("client_totals.sql", "sum_clients"): "of the rebuild of the snapshot, which has no caller",
    ("webhooks.sql", "plan"): "of the sender, which has no caller; the webhook's own agencies filter it",
    ("webhooks.sql", "due"): "only events that `plan` has let through; no more than ids and a status leaves",
    ("lists.sql", "more_rows"): "of the rebuild of the snapshot, which has no caller",
    ("ledger_figures.sql", "undecided"): "counts for the operator's metrics; no row leaves it",
    ("ledger_figures.sql", "queues"): "ages and counts for the operator's metrics; no row leaves it",
    ("proof.sql", "instructions"): OPERATOR,
    ("proof.sql", "events"): OPERATOR,
    ("proof.sql", "orphans"): OPERATOR,
    ("proof.sql", "positions"): OPERATOR,
} | {("indexes.sql", name): "shows a plan and reads no row" for name in NEEDED}


def entries(kind):
    for file in sorted(files("upstreams").rglob("*.sql"), key=lambda one: one.name):
        if file.parent.name == "rendering":  # Parts of one statement, which Python puts together below visible clients.
            continue
        fields = HEAD.split(file.read_text(encoding="utf-8"))[1:]
        for found, name, text in zip(fields[0::3], fields[1::3], fields[2::3], strict=True):
            if found == kind:
                yield file.name, name, COMMENT.sub("", text).strip()


def of_clients():
    """Statements over client data. A view in a part counts for each statement that uses the part. A part may therefore
    read a view only below a client that the statement itself has made visible.
    """
    return [(file, name, text) for file, name, text in entries("name") if CLIENT_DATA.search(text)]


@pytest.mark.parametrize("file, name, text", [pytest.param(*one, id=f"{one[0]}:{one[1]}") for one in of_clients()])
def test_a_statement_over_client_data_is_filtered_or_excepted_with_a_reason(file, name, text):
    is_filtered = re.search(r"(WHERE|AND) \{visible\}", text) is not None

    assert is_filtered != ((file, name) in EXCEPTED), "filter by {visible}, or say in EXCEPTED why not; never both"


@pytest.mark.parametrize("file, name, text", [one for one in of_clients() if (one[0], one[1]) not in EXCEPTED])
def test_the_filter_cannot_be_got_round_by_an_alternative(file, name, text):
    outside = re.sub(r"\([^()]*\)", "", re.sub(r"\([^()]*\)", "", text))

    assert " OR " not in outside, "an OR beside {visible} would let rows past it"


def test_nothing_is_excepted_that_is_gone():
    assert {(file, name) for file, name, _ in of_clients()} >= EXCEPTED.keys()


@pytest.mark.parametrize("file", PARTS)
def test_the_filter_is_written_in_one_place_and_says_what_is_meant(file):
    found = {name: text for where, name, text in entries("part") if where == file}

    assert found["visible"] == PARTS[file]
    others = [text for where, _, text in [*entries("part"), *entries("name")] if where == file]
    assert sum("agency = ANY ($1::" in text for text in others) == 1


def test_no_other_part_reads_client_data_but_of_a_client_who_is_visible():
    reading = {(file, name): text for file, name, text in entries("part") if CLIENT_DATA.search(text)}

    # Each is a condition on a client `c`, or on an account `a` of such a client, beside {visible}.
    below = {
        "matching_clients": "w.client_number = c.client_number",
        "clients_search": "c.client_number = ANY (ARRAY(SELECT o.client_number",
        "accounts_search": "a.client_number = ANY (ARRAY(\n    SELECT o.client_number",
    }
    counts = {key: text for key, text in reading.items() if key[0] == "client_totals.sql"}
    assert all("WHERE {visible} AND " in text for text in counts.values())
    assert reading.keys() == {("erp.sql", name) for name in below} | counts.keys()
    assert all(text in reading["erp.sql", name] for name, text in below.items())


def test_no_query_over_client_data_hides_in_python():
    packages = ("api", "resolvers", "instructions", "upstreams", "core", "engine")
    python = [file for package in packages for file in files(package).rglob("*.py")]

    query = re.compile(r"(?i)(FROM|JOIN|UPDATE|INTO)\s+brokergraph(_erp)?\.")

    assert [file.name for file in python if query.search(file.read_text())] == []

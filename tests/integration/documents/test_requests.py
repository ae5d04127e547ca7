"""Documents by id and by hash: which caller may run and find which document, and what a client gets."""

import json
import time
from pathlib import Path

import pytest
from support.agreed_documents import CACHE_SECONDS, MUTATION, NAMES, apollo, code, digest, execute

from api.documents.dashboard import dashboard_documents

WATCHED = "query Watched { viewer { name } }"
FAILING = 'query Failing { node(id: "x") { id } viewer { name } }'
BROWSER = {"accept": "text/html,*/*;q=0.8"}


@pytest.fixture(scope="module", autouse=True)
def manifests(box, state_url, tmp_path_factory) -> None:
    """What each of them has agreed on; ids that two of them share mean different things."""
    from support.agreed_documents import brokergraph

    folder: Path = tmp_path_factory.mktemp("manifests")
    agreed = {
        "strict": {digest(NAMES): NAMES, "open": MUTATION, "mine": "query Mine { viewer { name } }"},
        "other": {"mine": "query Theirs { viewer { __typename } }", "secret": "query Secret { viewer { name } }"},
        "watched": {"watched": WATCHED},
        "*": {
            "failing": FAILING,
            "everybody": "query Everybody { viewer { name } }",
            "mine": "{ everybodys: viewer { name } }",
        },
    }
    for principal, manifest in agreed.items():
        file = folder / f"{len(principal)}.json"
        file.write_text(json.dumps(manifest))
        done = brokergraph(box, state_url, "documents", "add", principal, str(file))
        assert done.returncode == 0, done.stderr


def test_a_document_runs_by_its_id_by_post_and_get(partner):
    strict = partner("strict")

    answers = [
        strict.post(documentId=digest(NAMES)),
        strict.post(documentId=f"sha256:{digest(NAMES)}"),
        strict.post(documentId=digest(NAMES), operationName="Names", variables={}),
        strict.get(documentId=digest(NAMES)),
        strict.get(extensions=apollo(NAMES)),
        strict.post(extensions=apollo(NAMES)),
    ]

    assert [answer.status_code for answer in answers] == [200] * 6
    assert {answer.json()["data"]["viewer"]["name"] for answer in answers} == {
        answers[0].json()["data"]["viewer"]["name"]
    }


def capitals(text: str) -> dict:
    return {"persistedQuery": {"version": 1, "sha256Hash": digest(text).upper()}}


def test_c1_a_hash_is_found_in_any_case(partner):
    strict, acme = partner("strict"), partner("acme")
    text = "query InCapitals { viewer { name } }"

    answers = [
        strict.post(documentId=digest(NAMES).upper()),
        strict.get(documentId=f"sha256:{digest(NAMES).upper()}"),
        strict.get(documentId=f"SHA256:{digest(NAMES)}"),
        strict.post(extensions=capitals(NAMES)),
        strict.post(query=NAMES, extensions=capitals(NAMES)),
        acme.post(query=text, extensions=capitals(text)),
        acme.post(extensions=apollo(text)),
        acme.post(extensions=capitals(text)),
    ]

    assert [(answer.status_code, "data" in answer.json()) for answer in answers] == [(200, True)] * 8


def test_c1_an_id_that_is_no_hash_is_found_as_it_is_written(partner):
    strict = partner("strict")

    assert strict.post(documentId="mine").status_code == 200
    for identity in ("Mine", "MINE", "SHA256:mine"):
        refused = strict.post(documentId=identity)
        assert code(refused) == (400, "UNKNOWN_DOCUMENT")
        assert refused.json()["errors"][0]["message"].endswith("or was added for another partner.")


def test_c1_a_manifest_with_hashes_in_capitals_is_the_same_manifest(partner, command, tmp_path):
    """And an editor may put a mark in front of it (C5)."""
    text = "query FromWindows { viewer { name } }"
    file = tmp_path / "manifest.json"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps({f"sha256:{digest(text).upper()}": text}).encode())

    added = [command("add", "strict", str(file)).stdout for _ in range(2)]
    file.write_text(json.dumps({digest(text): text}))
    added.append(command("add", "strict", str(file)).stdout)
    answer = partner("strict").post(documentId=digest(text))
    removed = command("remove", "strict", digest(text).upper())

    assert added == ["strict: 1 added, 0 known already.\n"] + ["strict: 0 added, 1 known already.\n"] * 2
    assert answer.status_code == 200
    assert (removed.returncode, removed.stdout) == (0, "strict: 1 removed.\n")


def test_c1_a_hash_that_was_stored_in_capitals_is_still_found(partner, state_url):
    text = "query Stored { viewer { name } }"
    identity = digest(text).upper()
    execute(
        state_url,
        "INSERT INTO brokergraph.document (principal, id, text_hash, text, added_at)"
        f" VALUES ('strict', '{identity}', decode('{digest(text)}', 'hex'), '{text}', now())",
    )

    assert partner("strict").post(documentId=f"sha256:{identity}").status_code == 200


def test_an_id_is_the_partners_own_before_everybodys(partner):
    found = {name: partner(name).post(documentId="mine").json()["data"] for name in ("strict", "other", "acme")}

    assert list(found["strict"]["viewer"]) == ["name"]
    assert list(found["other"]["viewer"]) == ["__typename"]
    assert list(found["acme"]) == ["everybodys"]


def test_a_partner_does_not_find_the_document_of_another_partner(partner):
    assert partner("other").post(documentId="secret").status_code == 200
    assert code(partner("acme").post(documentId="secret")) == (400, "UNKNOWN_DOCUMENT")
    assert code(partner("strict").post(documentId="secret")) == (400, "UNKNOWN_DOCUMENT")


def test_where_it_is_enforced_nothing_else_runs(partner):
    strict = partner("strict")

    refused = [
        strict.post(query="{ viewer { name } }"),
        strict.get(query="{ viewer { name } }"),
        strict.post(query="{ __schema { types { name } } }"),
        strict.post(query=NAMES + " "),
        strict.post(extensions=apollo("{ viewer { name } }")),
        strict.post(query="{ viewer { name } }", extensions=apollo("{ viewer { name } }")),
    ]

    assert {code(answer) for answer in refused} == {(403, "DOCUMENT_NOT_TRUSTED")}
    assert code(strict.post(documentId="unknown")) == (400, "UNKNOWN_DOCUMENT")
    assert strict.post(query=NAMES).status_code == 200


def test_a_text_that_another_agreed_on_is_no_good(partner):
    assert partner("watched").post(query=WATCHED).status_code == 200

    assert code(partner("strict").post(query=WATCHED)) == (403, "DOCUMENT_NOT_TRUSTED")


def test_what_was_refused_was_not_registered_either(partner):
    text = "query Refused { viewer { name } }"

    partner("strict").post(query=text, extensions=apollo(text))

    assert code(partner("strict").post(extensions=apollo(text))) == (403, "DOCUMENT_NOT_TRUSTED")


def test_where_it_is_watched_the_others_run_and_are_logged(partner, documents_graph):
    text = "query Unheard { viewer { name } }"

    assert partner("watched").post(query=text).status_code == 200
    assert partner("watched").post(documentId="everybody").status_code == 200
    assert partner("acme").post(query=text).status_code == 200

    lines = [line for line in documents_graph.written().splitlines() if "documents.unknown" in line]
    assert [(json.loads(line)["principal"], json.loads(line)["sha256"]) for line in lines] == [
        ("watched", digest(text))
    ]


def test_a_trusted_mutation_is_not_made_by_get(partner, documents_graph):
    refused = partner("strict").get(documentId="open")

    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


def test_a_document_may_not_be_named_twice(partner):
    answers = [
        partner("strict").post(documentId="mine", query=NAMES),
        partner("strict").post(documentId="mine", extensions=apollo(NAMES)),
        partner("strict").post(documentId="a" * 257),
        partner("strict").post(documentId="a\nb"),
        partner("strict").post(documentId=5),
        partner("strict").post(documentId=""),
    ]

    assert {code(answer) for answer in answers} == {(400, "BAD_REQUEST")}


def test_apollos_hash_is_learnt_and_then_enough(partner):
    acme, text = partner("acme"), "query Learnt { viewer { name } }"

    before = acme.get(extensions=apollo(text), headers={"accept": "application/json"})
    taught = acme.post(query=text, extensions=apollo(text))
    after = [acme.get(extensions=apollo(text)), acme.post(extensions=apollo(text))]

    # Apollo's clients go by the message or the code, and some of them read the body of a 200 alone.
    assert code(before) == (200, "PERSISTED_QUERY_NOT_FOUND")
    assert before.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    assert before.headers["cache-control"] == "no-store"
    assert [answer.json() for answer in after] == [taught.json()] * 2


def test_a_hash_of_another_text_teaches_nothing(partner):
    acme, text = partner("acme"), "query Poison { viewer { name } }"

    refused = acme.post(query="{ viewer { __typename } }", extensions=apollo(text))

    assert code(refused) == (400, "BAD_REQUEST")
    assert refused.json()["errors"][0]["message"] == "provided sha does not match query"
    assert code(acme.post(extensions=apollo(text))) == (200, "PERSISTED_QUERY_NOT_FOUND")


def test_what_one_partner_taught_no_other_finds(partner):
    text = "query OnlyAcme { viewer { name } }"

    assert partner("acme").post(query=text, extensions=apollo(text)).status_code == 200

    assert code(partner("other").post(extensions=apollo(text))) == (200, "PERSISTED_QUERY_NOT_FOUND")


def test_a_text_without_its_hash_teaches_nothing(partner):
    text = "query Untaught { viewer { name } }"

    assert partner("acme").post(query=text).status_code == 200

    assert code(partner("acme").post(extensions=apollo(text))) == (200, "PERSISTED_QUERY_NOT_FOUND")


def test_a_document_that_cannot_run_is_not_kept(partner):
    text = "query Broken { nothing }"

    assert partner("acme").post(query=text, extensions=apollo(text)).status_code == 400

    assert code(partner("acme").post(extensions=apollo(text))) == (200, "PERSISTED_QUERY_NOT_FOUND")


WRONG_HASHES = [5, "x", {}, {"version": 1}, {"version": 2, "sha256Hash": "a" * 64}, {"version": 1, "sha256Hash": "A b"}]


@pytest.mark.parametrize("wrong", WRONG_HASHES, ids=str)
def test_what_is_no_hash_is_refused(partner, wrong):
    assert code(partner("acme").post(query=NAMES, extensions={"persistedQuery": wrong})) == (400, "BAD_REQUEST")


def test_the_answer_to_a_get_may_be_kept_until_it_changes(partner):
    strict = partner("strict")

    first = strict.get(documentId="mine")
    tag = first.headers["etag"]
    again = [strict.get({"if-none-match": one}, documentId="mine") for one in (tag, f'"x", {tag}', "*")]
    other = strict.get({"if-none-match": '"x"'}, documentId="mine")

    assert first.headers["cache-control"] == "private, max-age=7, must-revalidate"
    assert {"accept", "accept-encoding", "authorization"} <= set(first.headers["vary"].lower().split(", "))
    assert [(answer.status_code, answer.content, answer.headers["etag"]) for answer in again] == [(304, b"", tag)] * 3
    assert (other.status_code, other.json()) == (200, first.json())
    assert "etag" not in strict.post(documentId="mine").headers


def test_c7_the_tag_survives_a_proxy_that_compresses(partner):
    strict = partner("strict")

    tag = strict.get(documentId="mine").headers["etag"]
    strong = tag.removeprefix("W/")
    spellings = [tag, strong, f'{strong[:-1]}-gzip"', f'"a,b", {strong}', f'W/"x",W/{strong}', "*"]
    packed = strict.get({"accept-encoding": "gzip"}, documentId="mine").headers["etag"]
    others = ['W/"x"', '"*"', strong.strip('"'), f'{strong[:-3]}"']

    assert tag.startswith('W/"')
    assert packed == tag
    assert [strict.get({"if-none-match": one}, documentId="mine").status_code for one in spellings] == [304] * 6
    assert [strict.get({"if-none-match": one}, documentId="mine").status_code for one in others] == [200] * 4


def test_an_answer_with_errors_is_never_kept(partner):
    response = partner("strict").get(documentId="failing")

    assert (response.status_code, len(response.json()["errors"])) == (200, 1)
    assert (response.headers["cache-control"], response.headers.get("etag")) == ("no-store", None)


def test_a_browser_gets_the_answer_and_no_page(partner):
    for asked in ({"documentId": digest(NAMES)}, {"extensions": apollo(NAMES)}):
        response = partner("strict").get(BROWSER, **asked)
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        assert "viewer" in response.json()["data"]


def test_what_was_found_runs_on_while_the_state_database_is_away(partner, box, well_behaved):
    strict = partner("strict")
    assert strict.post(documentId="mine").status_code == 200
    try:
        box.tell("box", "/database/stop")
        time.sleep(CACHE_SECONDS)
        known, unknown = strict.post(documentId="mine"), strict.post(documentId="never-asked")
    finally:
        box.reset()

    assert known.json()["data"]["viewer"]["name"]
    assert code(unknown) == (503, "UPSTREAM_UNAVAILABLE")
    assert unknown.headers["retry-after"] == "2"


def test_the_documents_of_a_dashboard_that_is_off_are_unknown(partner):
    identity = dashboard_documents()["viewer"].id

    assert code(partner("strict").post(documentId=identity)) == (400, "UNKNOWN_DOCUMENT")

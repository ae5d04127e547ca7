"""The code of docs/webhooks.md accepts our messages and refuses changed ones."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks import WebhookVerificationError
from support.node import node

from core.secret import Secret
from instructions.webhook_message import SecretUnreadable, make_secret, signed_headers

DOCUMENT = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text()
BODY = b'{"type":"instruction.event","data":{"status":"CONFIRMED"}}'
OLD, NEW, OTHER = (make_secret() for _ in range(3))
SHOW = """
let text = "";
for await (const part of process.stdin) text += part;
const { secret, headers, body } = JSON.parse(text);
try { console.log(JSON.stringify(verified(secret, headers, body))); } catch (error) { console.log(error.message); }
"""


def snippet(language):
    return re.search(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)[1]


def headers(*valid, ago=timedelta()):
    return signed_headers("msg_1", datetime.now(UTC) - ago, BODY, valid)


def in_python(secret, found, body):
    names = {}
    exec(snippet("python"), names)
    try:
        return names["verified"](secret.reveal(), found, body)
    except WebhookVerificationError:
        return None


@pytest.fixture(scope="module")
def in_javascript(tmp_path_factory):
    script = tmp_path_factory.mktemp("snippet") / "verified.mjs"
    script.write_text(snippet("javascript") + SHOW)

    def verified(secret, found, body):
        told = node(script, asked={"secret": secret.reveal(), "headers": found, "body": body.decode()})
        return json.loads(told) if told.startswith("{") else None

    return verified


@pytest.fixture(params=["python", "javascript"])
def verified(request, in_javascript):
    return in_python if request.param == "python" else in_javascript


def test_a_message_is_accepted_with_each_secret_of_an_overlap(verified):
    both = headers(NEW, OLD)

    assert verified(OLD, both, BODY) == verified(NEW, both, BODY) == json.loads(BODY)
    assert both["webhook-signature"].count(" ") == 1


def test_a_changed_message_is_refused(verified):
    right = headers(OLD)
    later = {**right, "webhook-timestamp": str(int(right["webhook-timestamp"]) + 1)}

    assert verified(OLD, right, BODY) is not None
    refused = [
        (OTHER, right, BODY),
        (OLD, right, BODY.replace(b"CONFIRMED", b"REJECTED")),
        (OLD, {**right, "webhook-id": "msg_2"}, BODY),
        (OLD, later, BODY),
        (OLD, headers(OLD, ago=timedelta(minutes=6)), BODY),
    ]
    assert [verified(*one) for one in refused] == [None] * len(refused)


def test_a_secret_that_is_no_base64_is_unreadable_and_not_shown():
    with pytest.raises(SecretUnreadable) as refused:
        headers(Secret("whsec_CANARY!"))

    assert "CANARY" not in str(refused.value)


def test_a_secret_has_between_24_and_64_random_bytes():
    found = {make_secret().reveal() for _ in range(20)}

    assert len(found) == 20
    assert {len(one) for one in found} == {len("whsec_") + 44}

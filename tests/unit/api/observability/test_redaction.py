"""The redaction chain of every log line, of every writer."""

import json
import logging
import subprocess
import sys
import time
import traceback

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.observability.redaction import Redaction, known_secrets
from api.settings.settings import load_settings
from core.secret import Secret

KNOWN = "kn0wn-canary"
REDACTION = Redaction([KNOWN, "abc"])
JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"

SHOWN = {
    "GET /x authorization: Bearer CANARYCANARY": "GET /x authorization: [redacted]",
    "Bearer CANARYCANARY sent": "Bearer [redacted] sent",
    "key bg_key-1a2b_CANARY_CANARY-CANARY0123 of ours": "key bg_key-1a2b_[redacted] of ours",
    "webhook whsec_CANARY/CANARY+CANARYCANARY0123456789ab= of ours": "webhook [redacted] of ours",
    f"token was {JWT}!": "token was [redacted]!",
    "postgresql://graph:CANARY@db.example.com/erp": "postgresql://[redacted]@db.example.com/erp",
    "API_Password=CANARY&x=1": "API_Password=[redacted]&x=1",
    '{"API_Password": "CANARY", "a": 1}': '{"API_Password": "[redacted]", "a": 1}',
    "{'initialPassword': 'CANARY'}": "{'initialPassword': '[redacted]'}",
    "client_secret: CANARY next": "client_secret: [redacted] next",
    "write to noa.bendavid+x@mail.example.co.il now": "write to [redacted] now",
    "call +972 (54) 123-45.67 now": "call [redacted] now",
    "call +972541234567": "call [redacted]",
    f"seen {KNOWN} in a text": "seen [redacted] in a text",
    "login 61436 on R1, 2026-11-21T15:00:00+02:00, 72888.65 ILS": None,
    "Secret(***) token=Secret(***) abc": None,
    "the scope client:read, which this caller does not hold": None,
}


@pytest.mark.parametrize("text, shown", SHOWN.items())
def test_what_must_not_be_seen_is_gone_and_the_rest_stays(text, shown):
    assert REDACTION.text(text) == (text if shown is None else shown)


@pytest.mark.parametrize(
    "name", ["password", "api_password", "API_Password", "initialPassword", "access_token", "authorization", "email",
             "Phone", "signature", "X-Sign", "set-cookie", "hyper_access_token"]
)  # fmt: skip
def test_a_value_under_a_telling_name_is_gone_whatever_it_is(name):
    for value in ("CANARY", ["CANARY"], {"a": "CANARY"}, b"CANARY"):
        assert "CANARY" not in str(REDACTION(None, "info", {name: value, "deep": [{name: value}]}))


PLAIN = st.one_of(st.none(), st.integers(), st.floats(allow_nan=False), st.booleans(), st.sampled_from([*SHOWN, "R1"]))
COUNTS = st.dictionaries(st.sampled_from(["ERP_DATABASE", "token", KNOWN, "a@b.example", 7]), PLAIN, max_size=2)
NAMES = st.sampled_from(["event", "level", "timestamp", "name", "calls", "email", "api_key"])


@given(st.dictionaries(NAMES, st.one_of(PLAIN, COUNTS, st.lists(PLAIN, max_size=2)), max_size=5))
def test_a_whole_line_is_shown_as_its_parts_would_be(event):
    expected = {
        name: value if name in {"level", "timestamp"} else REDACTION.value(value, name) for name, value in event.items()
    }

    assert REDACTION(None, "info", dict(event)) == expected


def test_what_is_no_plain_data_is_written_as_its_repr():
    class Holder(msgspec.Struct):
        token: Secret
        mail: str

    shown = REDACTION(
        None, "info", {"holder": Holder(Secret("CANARY"), "anna@example.com"), "bytes": b"x a@b.example y"}
    )

    assert "CANARY" not in str(shown)
    assert "example" not in str(shown)
    assert "Secret(***)" in shown["holder"]


@given(st.text(max_size=300))
def test_no_text_makes_it_fall_over_and_twice_is_once(text):
    once = REDACTION.text(text)

    assert REDACTION.text(once) == once


@pytest.mark.parametrize("part", ["a_", "a", "+1", "a.", "@", "token=", "://", "bearer ", "eyJa.", " ", "bg_a_"])
def test_no_text_takes_long(part):
    # Of the processor, so that other processes do not count.
    started = time.thread_time()

    REDACTION.text(part * 200_000)

    assert time.thread_time() - started < 2


def test_something_endless_is_cut():
    value = []
    value.append(value)

    assert "[redacted]" in str(REDACTION(None, "info", {"loop": value}))


def test_every_credential_in_the_settings_is_known(tmp_path):
    path = tmp_path / "b.toml"
    path.write_text("""
[erp]
database_url = "postgresql://graph:CANARY%40ONE@db/erp"
accounting_currency = "ILS"
[state]
database_url = "postgresql://db/erp?password=CANARY-FOUR"
[budget]
redis_url = "redis://:CANARY-FIVE@h/0"
[hyper]
url = "https://h"
access_token = "CANARY-TWO"
[cplugin.a]
url = "https://c"
auth_url = "https://c"
client_id = "c"
client_secret = "CANARY-THREE"
""")

    assert known_secrets(load_settings(path, {})) == {
        *("CANARY%40ONE", "CANARY@ONE", "CANARY-TWO", "CANARY-THREE", "CANARY-FOUR", "CANARY-FIVE"),
    }


WRITER = """
import asyncio, gc, logging, sys, threading, warnings
import structlog
from api.observability.log import configure
configure(sys.argv[1], level=logging.DEBUG, known_secrets=["KNOWN-CANARY"])
said = "Bearer CANARY0123 password=CANARY anna@CANARY.example +972541234567 KNOWN-CANARY"
local = "LOCAL-CANARY"

class Dying:
    def __del__(self):
        raise ValueError(said)

async def forgotten():
    raise ValueError(said)

async def lost():
    asyncio.get_running_loop().create_task(forgotten())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gc.collect()

structlog.get_logger().debug("ours", text=said, api_password="CANARY", nested={"token": ["CANARY"]})
structlog.get_logger().info(said)
try:
    raise ValueError(said) from KeyError(said)
except ValueError:
    structlog.get_logger().exception("failed")
    logging.getLogger("uvicorn.error").exception("theirs %s", said)
logging.getLogger("some.library").debug("theirs %s %r", said, {"password": "CANARY"})
logging.getLogger("httpcore.http11").debug("headers %s", [(b"authorization", b"HEADER-CANARY")])
warnings.warn(said)
asyncio.run(lost())
Dying()
gc.collect()
thread = threading.Thread(target=lambda: (_ for _ in ()).throw(ValueError(said)))
thread.start(); thread.join()
raise RuntimeError(said)
"""


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_line_has_a_secret_for_every_writer_and_every_crash(log_format):
    done = subprocess.run([sys.executable, "-c", WRITER, log_format], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    said = done.stderr + done.stdout
    assert [line for line in said.splitlines() if "CANARY" in line or "972541" in line] == []
    assert "Traceback" not in done.stdout
    events = ("ours", "failed", "theirs", "some.library", "crashed", "unraisable", "UserWarning", "never retrieved")
    assert [event for event in events if event not in said] == []


def test_every_line_is_json_even_the_last_words():
    done = subprocess.run([sys.executable, "-c", WRITER, "json"], capture_output=True, text=True, check=False)

    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert lines[-1]["event"] == "crashed"
    assert lines[-1]["exception"][0]["exc_type"] == "RuntimeError"
    assert {line["level"] for line in lines} == {"debug", "info", "warning", "error", "critical"}


def test_a_secret_shows_itself_nowhere_by_accident():
    secret = Secret("CANARY")
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r}", f"{[secret]}", str(ValueError(secret))]
    shown += traceback.format_exception(ValueError(secret))
    with pytest.raises((TypeError, msgspec.ValidationError)):
        msgspec.json.encode(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)
    logging.getLogger("x").debug("%s", secret)

    assert "CANARY" not in "".join(shown)

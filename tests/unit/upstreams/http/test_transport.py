import inspect
import ssl

import httpx

from upstreams.http.http1 import AnswerTooLarge
from upstreams.http.transport import HttpAnswer
from upstreams.http.transport_errors import FAULTS, Meaning, meaning_of


def test_the_table_holds_every_exception_of_httpx():
    public = {kind for _, kind in inspect.getmembers(httpx, inspect.isclass) if issubclass(kind, Exception)}

    assert public == set(FAULTS) - {OSError, AnswerTooLarge}


def test_an_unlisted_exception_is_taken_for_a_dropped_connection():
    assert meaning_of(RuntimeError("?")) is Meaning.DROPPED
    assert meaning_of(ssl.SSLError("?")) is Meaning.DROPPED


def test_only_what_happens_before_a_byte_is_called_unreachable():
    unreachable = {kind for kind, meaning in FAULTS.items() if meaning is Meaning.UNREACHABLE}

    assert unreachable == {httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError}


def test_an_answer_does_not_show_its_body():
    assert repr(HttpAnswer(200, {}, b"secret")) == "HttpAnswer(status=200, 6 bytes)"

"""The envelope of an answer, and the meaning of its return code [D, MQ-sdk; the verdicts are ours, I].

Business errors have HTTP 200. Only the number before the first blank of `retcode` counts: the words differ by build.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec
import structlog

from core.errors import Doubt, Reason, UpstreamError
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.failures import Failures
from upstreams.http.transport import HttpAnswer

HEADERS: Final = {"accept": "*/*", "user-agent": "MetaTrader 5 Web API/5.4000 (brokergraph)"}
# The vendor's samples send this type with a JSON body, too [D, MQ-fmt].
JSON_HEADERS: Final = {**HEADERS, "content-type": "application/x-www-form-urlencoded"}

DONE, NO_DATA, NOT_FOUND, PARTIAL = 0, 1, 13, 14
# 10009 is the success of the same function in the vendor's other API [I].
SUCCESS: Final = frozenset({DONE, NO_DATA, 10009})
_TOO_FREQUENT, _BUSY = 12, 1018
_AUTHENTICATION: Final = range(1000, 1100)
# A deadlock or a lock: the command was not executed, and may be sent again later [I].
_LOCKED: Final = frozenset({12003, 12004})
_RETRY_SECONDS = 5.0

_VALUES = (Reason.VALIDATION_FAILED, "The trading server does not accept the values.")
_REFUSED = (Reason.UPSTREAM_REFUSED, "The trading server refused.")
_REFUSALS: Final[Mapping[int, tuple[Reason, str]]] = {
    3: _VALUES,
    4: _VALUES,
    8: (Reason.UPSTREAM_REFUSED, "The manager account may not do this, or may not see the group."),
    13: (Reason.NOT_FOUND, "The trading server does not know it."),
    16: _REFUSED,
    17: _REFUSED,
    3002: (Reason.ACCOUNT_LIMIT_REACHED, "The trading server has no free login."),
    3003: (Reason.VALIDATION_FAILED, "The login belongs to another trading server."),
    3004: (Reason.VALIDATION_FAILED, "The login exists."),
    3006: (Reason.VALIDATION_FAILED, "The trading server does not accept the password."),
    3007: (Reason.ACCOUNT_LIMIT_REACHED, "The trading server takes no more accounts."),
    3010: (Reason.VALIDATION_FAILED, "The group has another currency."),
    3012: (Reason.VALIDATION_FAILED, "The trading server does not accept the group."),
    4005: (Reason.LIMIT_EXCEEDED, "The trading server does not take so large an amount."),
    10013: _VALUES,
    10017: (Reason.ACCOUNT_DISABLED, "Trading is disabled."),
    10019: (Reason.INSUFFICIENT_FUNDS, "The account has not enough money."),
    10024: _REFUSED,
    12000: _REFUSED,
    12001: _REFUSED,
    12002: _REFUSED,
}

# A raw backslash before one of these letters is an escape of JSON.
_RAW_BACKSLASHES: Final = str.maketrans({"\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t"})
_ESCAPE_OR_BACKSLASH: Final = re.compile(rb'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})?')
_SPECIAL: Final = re.compile(r"([=|\\\n])")

_log = structlog.get_logger("brokergraph.upstreams")


class Envelope(msgspec.Struct):
    retcode: int | str
    answer: msgspec.Raw = msgspec.Raw(b"null")
    login: int | str | None = None


def open_envelope(answer: HttpAnswer, failures: Failures, *, writes: bool) -> Envelope:
    """The envelope of a good answer. Raises the error of any other answer."""
    envelope = _decode(answer.body, writes=writes)
    code = read_code(envelope.retcode)
    if code == PARTIAL and not writes:
        _log.warning("partial_answer", system="MT5", code=code)
    elif code not in SUCCESS:
        raise refusal_of(code, failures, writes=writes)
    return envelope


def open_list(answer: HttpAnswer, failures: Failures) -> tuple[msgspec.Raw, UpstreamError | None]:
    """The list of a read's answer, and the error of what is not in it if the list is only a part.

    The list is empty if the server knows none of the logins that were asked for [I].
    """
    envelope = _decode(answer.body, writes=False)
    code = read_code(envelope.retcode)
    if code in {NO_DATA, NOT_FOUND} and bytes(envelope.answer) in {b"null", b"{}"}:
        return msgspec.Raw(b"[]"), None
    rows = open_envelope(answer, failures, writes=False).answer
    return rows, _partial(failures) if code == PARTIAL else None


def open_whole(answer: HttpAnswer, failures: Failures) -> msgspec.Raw:
    """The answer of a read that may prove an absence, so that a part of it is an error."""
    envelope = open_envelope(answer, failures, writes=False)
    if read_code(envelope.retcode) == PARTIAL:
        raise _partial(failures)
    return envelope.answer


def _partial(failures: Failures) -> UpstreamError:
    return failures.unavailable("answered only in part", upstream_code=str(PARTIAL))


def read_code(retcode: int | str) -> int:
    """The number of "0 Done". Raises ValueError."""
    return int(str(retcode).split(" ", 1)[0])


def refusal_of(code: int, failures: Failures, *, writes: bool) -> UpstreamError:
    """The error for a code. A write is refused only by a code which proves that nothing was done."""
    spelt = str(code)
    if code in _REFUSALS:
        reason, message = _REFUSALS[code]
        return failures.rejected(reason, message, upstream_code=spelt)
    if code == _TOO_FREQUENT:
        return failures.rate_limited(_RETRY_SECONDS, upstream_code=spelt)
    if code == _BUSY or code in _LOCKED:
        return failures.unavailable("is busy", upstream_code=spelt, seconds=_RETRY_SECONDS)
    if code in _AUTHENTICATION:
        return failures.credentials(spelt, "the manager account is refused")
    if writes:
        unknown = failures.unknown("does not know the outcome", upstream_code=spelt)
        unknown.doubt = Doubt.ANSWERED
        return unknown
    return failures.unavailable("reported an error", upstream_code=spelt)


def read_group(written: str | None) -> str | None:
    r"""The group of a row. Old servers write demo\forex with a raw backslash, so that it is read as a form feed [I]."""
    return None if not written else written.translate(_RAW_BACKSLASHES)


def escape(value: str) -> str:
    """A value of a query, before it is percent-encoded [D, MQ-esc]."""
    return _SPECIAL.sub(r"\\\1", value)


def _decode(body: bytes, *, writes: bool) -> Envelope:
    try:
        return wire.decode(body, Envelope)
    except msgspec.DecodeError:
        # Old servers do not escape the backslash of a group. The vendor's own PHP sample doubles it [D, MQ-sdk].
        # An answer to a write is never mended.
        doubled = body if writes else _ESCAPE_OR_BACKSLASH.sub(_double, body)
        if doubled == body:
            raise
    envelope = wire.decode(doubled, Envelope)
    _log.warning("raw_backslashes", system="MT5")
    return envelope


def _double(found: re.Match[bytes]) -> bytes:
    return found[0] if len(found[0]) > 1 else rb"\\"

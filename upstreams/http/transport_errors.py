"""Errors of the HTTP stack, and the meaning of each."""

from enum import Enum, auto

import httpx

from upstreams.http.http1 import AnswerTooLarge


class Meaning(Enum):
    """What a failure of the HTTP stack proves about the vendor."""

    UNREACHABLE = auto()
    SILENT = auto()
    DROPPED = auto()
    UNREADABLE = auto()
    POOL_FULL = auto()
    OUR_FAULT = auto()
    SESSION_LOST = auto()
    PAUSED = auto()


class TransportFault(Exception):
    """No usable HTTP answer was received. `sent` is False only if provably no byte of the request was sent.

    With `seconds` there is a pause of this length before the next attempt to open a connection.
    """

    def __init__(self, meaning: Meaning, *, sent: bool, detail: str, seconds: float | None = None) -> None:
        super().__init__(detail)
        self.meaning = meaning
        self.sent = sent
        self.detail = detail
        self.seconds = seconds


FAULTS: dict[type[Exception], Meaning] = {
    httpx.HTTPError: Meaning.DROPPED,
    httpx.RequestError: Meaning.DROPPED,
    httpx.TransportError: Meaning.DROPPED,
    httpx.TimeoutException: Meaning.SILENT,
    httpx.ConnectTimeout: Meaning.UNREACHABLE,
    httpx.ReadTimeout: Meaning.SILENT,
    httpx.WriteTimeout: Meaning.SILENT,
    httpx.PoolTimeout: Meaning.POOL_FULL,
    httpx.NetworkError: Meaning.DROPPED,
    httpx.ReadError: Meaning.DROPPED,
    httpx.WriteError: Meaning.DROPPED,
    httpx.ConnectError: Meaning.UNREACHABLE,
    httpx.CloseError: Meaning.DROPPED,
    httpx.ProxyError: Meaning.UNREACHABLE,
    httpx.UnsupportedProtocol: Meaning.OUR_FAULT,
    httpx.ProtocolError: Meaning.UNREADABLE,
    httpx.LocalProtocolError: Meaning.OUR_FAULT,
    httpx.RemoteProtocolError: Meaning.DROPPED,
    httpx.DecodingError: Meaning.UNREADABLE,
    httpx.TooManyRedirects: Meaning.UNREADABLE,
    httpx.HTTPStatusError: Meaning.UNREADABLE,
    httpx.InvalidURL: Meaning.OUR_FAULT,
    httpx.CookieConflict: Meaning.OUR_FAULT,
    httpx.StreamError: Meaning.OUR_FAULT,
    httpx.StreamConsumed: Meaning.OUR_FAULT,
    httpx.StreamClosed: Meaning.OUR_FAULT,
    httpx.ResponseNotRead: Meaning.OUR_FAULT,
    httpx.RequestNotRead: Meaning.OUR_FAULT,
    # httpx does not translate TLS and socket errors in the middle of a stream.
    OSError: Meaning.DROPPED,
    AnswerTooLarge: Meaning.UNREADABLE,
}


def meaning_of(error: Exception) -> Meaning:
    """The nearest entry of FAULTS. An unknown error counts as a dropped connection, because this proves the least."""
    return next((FAULTS[kind] for kind in type(error).__mro__ if kind in FAULTS), Meaning.DROPPED)

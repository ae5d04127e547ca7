"""The envelope of CPlugin v2: business errors also have HTTP 200, and an `error.code` [D, C-spec, C-py]."""

import msgspec

from core.errors import Doubt, OutcomeUnknown, Reason, UpstreamError
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.failures import Failures
from upstreams.http.link import TokenRefused
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.kit import mt4_codes

UNAUTHORISED, FORBIDDEN = 401, 403
DOCUMENTED = frozenset({200, UNAUTHORISED, FORBIDDEN})
OUTCOME_HEADER = "x-request-outcome"
NOT_STARTED = "not-started"
IN_DOUBT = {"unknown": Doubt.KEPT, "in-progress": Doubt.RUNNING}
# "Too many requests wait for this platform": the longest deadline of a trade is 5 s.
BUSY_RETRY_SECONDS = 5.0


class ApiError(msgspec.Struct):
    code: str
    manager_code: str | int | None = msgspec.field(name="managerCode", default=None)

    @property
    def spelt(self) -> str:
        """The manager's own code if there is one, because it is more specific."""
        return self.code if self.manager_code in {None, "", "Ok"} else str(self.manager_code)


class Paging(msgspec.Struct):
    """An opaque token for the next page, and whether there is a next page [D, C-spec]."""

    next_cursor: str | None = msgspec.field(name="nextCursor", default=None)
    has_more: bool = msgspec.field(name="hasMore", default=False)


class _Meta(msgspec.Struct):
    paging: Paging | None = None


class Envelope(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw(b"null")
    error: ApiError | None = None


class _Paged(msgspec.Struct):
    meta: _Meta | None = None


def open_envelope(answer: HttpAnswer, failures: Failures, *, writes: bool) -> msgspec.Raw:
    """The data of a good answer. Raises the error of any other answer."""
    check_status(answer, failures)
    envelope = wire.decode(answer.body, Envelope)
    outcome = answer.headers.get(OUTCOME_HEADER, "").strip().lower()
    if envelope.error is not None and envelope.error.code != "Ok":
        raise translate_error(envelope.error, outcome, failures, writes=writes)
    if writes and outcome in IN_DOUBT:
        raise _doubted(None, outcome, failures)
    return envelope.data


def read_paging(answer: HttpAnswer) -> Paging:
    """The page token of an answer whose envelope was checked before."""
    meta = wire.decode(answer.body, _Paged).meta
    return (meta.paging if meta is not None else None) or Paging()


def check_status(answer: HttpAnswer, failures: Failures) -> None:
    """Raise for 401, a bad token, and for 403: a foreign trade platform, or credentials for users only [D, C-spec]."""
    if answer.status == UNAUTHORISED:
        raise TokenRefused
    if answer.status == FORBIDDEN:
        raise failures.refused("403")


def translate_error(error: ApiError, outcome: str, failures: Failures, *, writes: bool) -> UpstreamError:
    """The error for a business error. The outcome header has priority over the code, because the header is about this
    request.
    """
    if writes and outcome in IN_DOUBT:
        return _doubted(error, outcome, failures)
    if error.code == "Busy" or outcome == NOT_STARTED:
        return failures.rate_limited(BUSY_RETRY_SECONDS, upstream_code=error.spelt)
    refusal = find_refusal(error, failures)
    if refusal is not None:
        return refusal
    if writes:
        # OutcomeUnknown, Timeout, NoConnect, Internal, and every manager code that proves nothing.
        return _doubted(error, outcome, failures)
    return failures.unavailable("reported an error", upstream_code=error.spelt)


def _doubted(error: ApiError | None, outcome: str, failures: Failures) -> OutcomeUnknown:
    """OutcomeUnknown with its doubt. Without the header, the weaker meaning of the code OutcomeUnknown is assumed."""
    code = error.spelt if error is not None else None
    unknown = failures.unknown("does not know the outcome", upstream_code=code, detail=f"outcome {outcome}")
    fallback = Doubt.RUNNING if error is not None and error.code == "OutcomeUnknown" else Doubt.ANSWERED
    unknown.doubt = IN_DOUBT.get(outcome, fallback)
    return unknown


def find_refusal(error: ApiError, failures: Failures) -> UpstreamError | None:
    """The error for a code which proves that nothing was done. None for other codes."""
    if error.code == "Validation":
        # "Nothing is sent" [D, C-py].
        return failures.rejected(
            Reason.VALIDATION_FAILED, "The trading server does not accept the data.", upstream_code=error.spelt
        )
    if error.code == "NotFound":
        return failures.rejected(Reason.NOT_FOUND, "The trading server does not know it.", upstream_code=error.spelt)
    if error.code == "Forbidden":
        return failures.refused(error.spelt)
    return mt4_codes.translate_code(error.manager_code, failures) if error.code == "MT4Error" else None

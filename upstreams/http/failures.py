"""The failures of one link: a failed call becomes one of the five errors, with our own text.

A read without an answer changed nothing. A write without an answer may have been applied.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from core.errors import Misunderstood, OutcomeUnknown, Reason, Rejected, System, Unavailable, UpstreamError
from upstreams.http.transport import HttpAnswer
from upstreams.http.transport_errors import Meaning, TransportFault

_HAPPENED: Mapping[Meaning, str] = {
    Meaning.UNREACHABLE: "cannot be reached",
    Meaning.SILENT: "did not answer in time",
    Meaning.DROPPED: "dropped the connection",
    Meaning.UNREADABLE: "answered with something that cannot be read",
    Meaning.POOL_FULL: "has too many calls waiting",
    Meaning.OUR_FAULT: "could not be called",
    Meaning.SESSION_LOST: "ended our session",
    Meaning.PAUSED: "let us open no session a moment ago and is not called for the moment",
}

# The circuit breaker counts these. A full queue on our side, or a wrong address in the settings, is not the vendor's
# fault. A vendor with an unreadable answer is available, and its next answer may be readable.
_VENDORS = {Meaning.UNREACHABLE, Meaning.SILENT, Meaning.DROPPED}
# A repeat may help after a dropped connection. After a time-out a repeat would not be faster.
_TRANSIENT = {Meaning.UNREACHABLE, Meaning.DROPPED, Meaning.SESSION_LOST}

REFUSED_STATUSES = range(400, 500)
FAILED_STATUSES = range(500, 600)
TOO_MANY_REQUESTS = 429
SERVICE_UNAVAILABLE = 503
# A pause of more than a day is ignored.
LONGEST_RETRY_AFTER_SECONDS = 86_400.0


class Failures:
    """Makes the errors of one link. Messages name the system by its `label`."""

    def __init__(self, system: System, name: str, label: str = "") -> None:
        self._system = system
        self._name = name
        self._label = label or system

    def from_fault(self, fault: TransportFault, *, writes: bool, fair: bool = True) -> UpstreamError:
        """The error for a failure of the transport. `fair` is False if the vendor had too little time to answer."""
        happened = _HAPPENED[fault.meaning]
        if writes and fault.sent:
            error: UpstreamError = self.unknown(happened, detail=fault.detail)
        elif fault.meaning is Meaning.UNREADABLE and not writes:
            error = self.unreadable(writes=False, detail=fault.detail)
        else:
            error = self.unavailable(happened, detail=fault.detail, seconds=fault.seconds)
        error.vendors_fault = fault.meaning in _VENDORS
        if fault.meaning is Meaning.SILENT and not fair:
            error.vendors_fault = None
        error.worth_retrying = fault.meaning in _TRANSIENT and fault.seconds is None
        return error

    def from_status(self, answer: HttpAnswer, *, writes: bool) -> UpstreamError:
        """The error for a status that the vendor's module does not handle."""
        status, after = answer.status, retry_after_seconds(answer)
        if status == TOO_MANY_REQUESTS:
            # The vendor checks its rate limit first, so that a call over the limit was not executed, even if it was a
            # write.
            return self.rate_limited(after)
        if writes:
            error: UpstreamError = self.unknown(f"answered with HTTP {status}", upstream_code=str(status))
            error.retry_after_seconds = after
        elif status in FAILED_STATUSES:
            error = self.unavailable(f"answered with HTTP {status}", upstream_code=str(status), seconds=after)
            error.worth_retrying = status != SERVICE_UNAVAILABLE and after is None
        elif status in REFUSED_STATUSES:
            return self.refused(str(status))
        else:
            return self.unreadable(writes=False, detail=f"HTTP {status}")
        error.vendors_fault = status in FAILED_STATUSES
        return error

    def unavailable(
        self, happened: str, *, upstream_code: str | None = None, detail: str = "", seconds: float | None = None
    ) -> Unavailable:
        """The error of a call that changed nothing. It may be repeated after `seconds`."""
        error = Unavailable(f"{self._label} {happened}.", system=self._system, name=self._name, detail=detail)
        error.upstream_code, error.retry_after_seconds = upstream_code, seconds
        return error

    def unknown(
        self, happened: str, *, upstream_code: str | None = None, detail: str = "", reference: str | None = None
    ) -> OutcomeUnknown:
        return OutcomeUnknown(
            f"{self._label} {happened}; whether the command was carried out is not known yet.",
            system=self._system,
            name=self._name,
            upstream_code=upstream_code,
            detail=detail,
            upstream_reference=reference,
        )

    def unreadable(self, *, writes: bool, detail: str) -> UpstreamError:
        happened = _HAPPENED[Meaning.UNREADABLE]
        if writes:
            return self.unknown(happened, detail=detail)
        return Misunderstood(f"{self._label} {happened}.", system=self._system, name=self._name, detail=detail)

    def rejected(self, reason: Reason, message: str, *, upstream_code: str | None = None) -> Rejected:
        """A final refusal. `message` is our own sentence."""
        return Rejected(message, system=self._system, name=self._name, reason=reason, upstream_code=upstream_code)

    def refused(self, upstream_code: str | None = None) -> Rejected:
        return self.rejected(Reason.UPSTREAM_REFUSED, f"{self._label} refused.", upstream_code=upstream_code)

    def credentials(self, upstream_code: str | None = None, detail: str = "our access token is refused") -> Unavailable:
        """The vendor refuses our own credentials. Only the operator can correct this."""
        happened = "refuses our credentials; the operator must check them"
        return self.unavailable(happened, upstream_code=upstream_code, detail=detail)

    def rate_limited(self, seconds: float | None, *, upstream_code: str | None = None, detail: str = "") -> Unavailable:
        happened = "takes no more calls for the moment"
        error = self.unavailable(happened, upstream_code=upstream_code, detail=detail, seconds=seconds)
        error.reason = Reason.RATE_LIMITED
        return error

    def bulkhead_full(self, seconds: float) -> Unavailable:
        """The queue for the vendor is full, or the wait in it was too long."""
        return self.rate_limited(seconds, detail="bulkhead")

    def breaker_open(self, seconds: float) -> Unavailable:
        """The circuit breaker is open."""
        happened = "failed several times in a row and is not called for the moment"
        return self.unavailable(happened, detail="breaker open", seconds=seconds)


def retry_after_seconds(answer: HttpAnswer) -> float | None:
    """The Retry-After header, in seconds or as a date. An unreadable header counts as absent."""
    text = answer.headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_RETRY_AFTER_SECONDS)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - datetime.now(UTC)).total_seconds()), LONGEST_RETRY_AFTER_SECONDS)

"""The errors of upstreams: every failure of another system is one of four classes.

- Unavailable: the system did not take the call, or did not answer a read. Nothing was changed.
- OutcomeUnknown: a write was sent, but no outcome was received. The write may have been applied.
- Rejected: the system refused the call, finally. `reason` has the cause.
- Misunderstood: the answer to a read cannot be decoded.

A failed write is Unavailable only if it is PROVEN that the vendor did not apply it. Otherwise it is OutcomeUnknown.
Errors of libraries are translated in `upstreams/http/link.py`, `upstreams/postgres/database.py` and the vendors'
modules, and nowhere else.
"""

from enum import Enum, StrEnum, auto
from typing import Final, NewType, final

System = NewType("System", str)
"""The name of an upstream, as the graph's `UpstreamSystem` names it. Each vendor defines its own name."""

ERP_DATABASE: Final = System("ERP_DATABASE")


class Reason(StrEnum):
    """The reason of an upstream's refusal. Each reason is a member of the graph's `ErrorCode`."""

    VALIDATION_FAILED = "VALIDATION_FAILED"
    NOT_FOUND = "NOT_FOUND"
    CLIENT_RESTRICTED = "CLIENT_RESTRICTED"
    ACCOUNT_LIMIT_REACHED = "ACCOUNT_LIMIT_REACHED"
    REQUEST_ALREADY_PENDING = "REQUEST_ALREADY_PENDING"
    DEMO_CONNECTION_NOT_ALLOWED = "DEMO_CONNECTION_NOT_ALLOWED"
    CONNECTION_NOT_FOUND = "CONNECTION_NOT_FOUND"
    INVALID_ACCOUNT_TYPE = "INVALID_ACCOUNT_TYPE"
    CREDENTIALS_REJECTED = "CREDENTIALS_REJECTED"
    ACCOUNT_DISABLED = "ACCOUNT_DISABLED"
    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
    NOT_SUPPORTED = "NOT_SUPPORTED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    UPSTREAM_UNAVAILABLE = "UPSTREAM_UNAVAILABLE"
    UPSTREAM_REFUSED = "UPSTREAM_REFUSED"
    RATE_LIMITED = "RATE_LIMITED"
    DECLINED = "DECLINED"
    APPROVAL_EXPIRED = "APPROVAL_EXPIRED"


class Doubt(Enum):
    """Why an outcome is unknown. It decides whether the same idempotency key may be sent once more."""

    LOST = auto()
    """No answer of the vendor was received: the connection broke, the time ended, or the answer was a proxy's page or
    unreadable.
    """
    KEPT = auto()
    """The vendor answered that it does not know the outcome yet. The vendor stores the outcome for a repeat with the
    same key.
    """
    RUNNING = auto()
    """The vendor still runs an earlier request with this key, and did not run this request."""
    ANSWERED = auto()
    """The vendor's answer proves nothing, and the answer to a repeat would prove nothing either."""


class DatabaseFailure(Enum):
    """The proof that an error of PostgreSQL, or of its driver, gives (`upstreams/postgres/failures.py` has the
    table).
    """

    LOST = auto()
    """The connection was lost or the time ended. A write may have been committed."""
    TRANSIENT = auto()
    """Rolled back. A repeat may succeed."""
    REFUSED = auto()
    """Rolled back. No repeat succeeds before an operator acts: a missing permission, a read-only server."""
    MISTAKE = auto()
    """Rolled back. The statement does not fit the database."""


class UpstreamError(Exception):
    """A failed call to another system.

    - `message` is our text for callers. It has no text of the vendor, no address and no secret.
    - `detail` is only for the log.
    - `upstream_code` is the vendor's own short code ("99", "NotEnoughRights"), never its message text.
    - `upstream_reference` is a result of the vendor before the failure, such as the login of an account without a
      password.
    """

    reason: Reason = Reason.UPSTREAM_REFUSED
    worth_retrying: bool = False
    """Whether an immediate repeat of the read may succeed, as after a dropped connection or a gateway's 502."""
    vendors_fault: bool | None = False
    """For the circuit breaker. True: the transport failed, or the vendor answered 5xx. False: a complete answer was
    received. None: the vendor had too little time, so that the failure does not count.
    """
    database_failure: DatabaseFailure | None = None
    """What the error of a database proves; None for a vendor's error."""

    def __init__(  # noqa: PLR0913 - each is one fact about the failure.
        self,
        message: str,
        *,
        system: System,
        name: str = "",
        reason: Reason | None = None,
        upstream_code: str | None = None,
        retry_after_seconds: float | None = None,
        detail: str = "",
        upstream_reference: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.system = system
        self.name = name
        self.reason = reason or type(self).reason
        self.upstream_code = upstream_code
        self.retry_after_seconds = retry_after_seconds
        self.detail = detail
        self.upstream_reference = upstream_reference


@final
class Unavailable(UpstreamError):
    reason = Reason.UPSTREAM_UNAVAILABLE


@final
class OutcomeUnknown(UpstreamError):
    reason = Reason.UPSTREAM_UNAVAILABLE
    doubt: Doubt = Doubt.LOST


@final
class Rejected(UpstreamError):
    reason = Reason.UPSTREAM_REFUSED


@final
class Misunderstood(UpstreamError):
    reason = Reason.UPSTREAM_REFUSED


class ConfigError(Exception):
    """A wrong setting. `path` is its full name, such as `servers.R7.connection`."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem

"""Every way in which another system can fail us, in five words.

UpstreamError
 ├── Unavailable      it did not take the call, or a read got no answer: nothing was changed
 ├── OutcomeUnknown   a write left us and its outcome never came back: it may have been applied
 ├── Rejected         it understood and said no, finally; `reason` says which no
 └── Misunderstood    a read was answered with something that cannot be read

A write that fails is Unavailable only when it is PROVEN that no byte of it was acted upon; everything else is
OutcomeUnknown. Foreign errors are translated in `upstreams/http/link.py`, `upstreams/erp/reader.py` and the vendors'
modules, and nowhere else.
"""

from enum import Enum, StrEnum, auto
from typing import Final, NewType, final

System = NewType("System", str)
"""The name of an upstream, as the graph's `UpstreamSystem` names it. Each vendor names its own."""

ERP_DATABASE: Final = System("ERP_DATABASE")


class Reason(StrEnum):
    """Why an upstream refused, in our words; each is a member of the graph's `ErrorCode`."""

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


class Doubt(Enum):
    """Why an outcome is unknown, as far as it decides whether the same key may be sent once more."""

    LOST = auto()
    """No answer of the vendor's own came back: cut, silence, a proxy's page, nonsense."""
    KEPT = auto()
    """The vendor says itself that it does not know yet, and keeps the real outcome for whoever asks with the key."""
    RUNNING = auto()
    """The vendor is still at it; this very request was not executed."""
    ANSWERED = auto()
    """The vendor answered, with something that proves nothing and that a repeat would not better."""


class DatabaseFailure(Enum):
    """What an error of PostgreSQL, or of its driver, proves (`upstreams/postgres/failures.py` has the table)."""

    LOST = auto()
    """The connection is gone or the time is up. A write may have been committed."""
    TRANSIENT = auto()
    """Rolled back. A repeat may succeed."""
    REFUSED = auto()
    """Rolled back. No repeat succeeds before an operator acts: a missing permission, a read-only server."""
    MISTAKE = auto()
    """Rolled back. The statement does not fit the database."""


class UpstreamError(Exception):
    """What became of a call to another system.

    `message` is ours and may be shown to callers: it holds no vendor text, address or secret. `detail` is for the
    log alone. `upstream_code` is the vendor's own short code ("99", "NotEnoughRights"), never its prose.
    `upstream_reference` is what the vendor had already made when the rest failed: the login of an account without a
    password.
    """

    reason: Reason = Reason.UPSTREAM_REFUSED
    worth_retrying: bool = False
    """The same read may do better at once: a dropped connection, a gateway's 502."""
    vendors_fault: bool | None = False
    """For the circuit breaker. True: the transport failed, or the vendor did with a 5xx. False: a complete answer came,
    whatever it says, and the vendor is there. None: it had too little time to be judged.
    """
    database_failure: DatabaseFailure | None = None
    """What an error of our own database, or of the ERP's, proves; None for a vendor's."""

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

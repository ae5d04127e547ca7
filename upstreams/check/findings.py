"""`brokergraph check`: what is missing or wrong in the databases and at the vendors, one finding for each thing.

It reads and never changes anything, but for a token that a vendor renews on the way.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

from core.errors import UpstreamError
from core.secret import Secret
from upstreams.postgres.diagnosis import diagnose
from upstreams.postgres.failures import ERRORS

Verdict = Literal["ok", "note", "wrong"]
Findings = AsyncIterator["Finding"]
CORRECT = "Correct the address, the role or the server; then run the command again."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. A note is worth knowing and keeps nothing from working."""

    subject: str
    verdict: Verdict
    what: str = ""
    remedy: str = ""


def ok(subject: str, what: str = "") -> Finding:
    return Finding(subject, "ok", what)


def note(subject: str, what: str, remedy: str = "") -> Finding:
    return Finding(subject, "note", what, remedy)


def wrong(subject: str, what: str, remedy: str) -> Finding:
    return Finding(subject, "wrong", what, remedy)


def told_of_database(error: UpstreamError, url: Secret) -> str:
    """What is wrong with a database: the diagnosis of the driver's error, where there is one."""
    cause = error.__cause__
    return diagnose(cause, url) if isinstance(cause, ERRORS) else told(error)


def told(error: UpstreamError) -> str:
    """The whole of it: this is read by the operator and not by a caller, so the log's detail belongs to it."""
    code = f" [{error.upstream_code}]" if error.upstream_code else ""
    detail = f" ({error.detail})" if error.detail else ""
    return f"{error.message}{code}{detail}"

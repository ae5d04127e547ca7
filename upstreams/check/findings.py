"""Findings of `brokergraph check`: one for each missing or wrong item in the databases and at the vendors.

The check only reads. The one exception is a token that a vendor may renew.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

from core.errors import UpstreamError
from core.secret import Secret
from upstreams.postgres.diagnosis import diagnosis_of

Verdict = Literal["ok", "note", "wrong"]
Findings = AsyncIterator["Finding"]
CORRECT = "Correct the address, the role or the server; then run the command again."


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. A note is information and not a problem."""

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


def describe_database_error(error: UpstreamError, url: Secret) -> str:
    """What is wrong with a database: the diagnosis of the driver's error, if there is one."""
    return diagnosis_of(error, url) or describe_error(error)


def describe_error(error: UpstreamError) -> str:
    """The error with its detail for the log, because the reader is the operator and not a caller."""
    code = f" [{error.upstream_code}]" if error.upstream_code else ""
    detail = f" ({error.detail})" if error.detail else ""
    return f"{error.message}{code}{detail}"

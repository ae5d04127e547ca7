"""Faults: the kinds that the control port accepts, and how long each lasts."""

import random
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

import msgspec

FaultName = Literal[
    "latency",  # wait, then answer normally
    "slow_then_ok",  # apply immediately, answer late
    "refuse",  # the port is closed until reset or for `seconds`; with `times` or `path`: connections are reset
    "hang",  # accept the request and never answer
    "drop_before",  # cut the connection, nothing applied
    "drop_after",  # apply, then cut the connection
    "status",  # answer `status`, nothing applied unless `apply`
    "nonsense",  # 200 with a page, broken JSON or nothing (`kind`)
    "half",  # half the elements of a batch; with `truncate`: half the bytes, then a cut
    "drip",  # a byte at a time, `seconds` apart
    "reversed",  # a batch in the reverse order
    "twice",  # every element of a batch twice
    "patch",  # the real answer with the fields of `json` laid over it
    "rewrite",  # the real answer, the first match of `find` replaced by `text` and `octets` (hexadecimal), JSON or not
    "json",  # `json` as the answer, with `status`
    "expire_token",  # all access tokens that were issued before are refused; MT5: all sessions end
    "function_code",  # Hyper: `code` with its documented HTTP status
    "business_error",  # CPlugin: `code` is an error.code or a managerCode; MT5: a number
]


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One fault. Without `times` and `probability` it acts on each call until reset."""

    fault: FaultName
    path: str | None = None
    times: int | None = None
    probability: float | None = None
    seed: int = 0
    seconds: float | None = None
    status: int = 200
    retry_after: int | None = None
    apply: bool = False
    kind: Literal["html", "json", "empty"] = "html"
    truncate: bool = False
    json: Any = None
    find: str = ""
    text: str = ""
    octets: str = ""
    headers: dict[str, str] = {}
    code: int | str | None = None

    def __post_init__(self) -> None:
        if self.times is not None and self.times < 1:
            raise ValueError("times starts at 1")
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise ValueError("probability lies between 0 and 1")
        if self.seconds is not None and self.seconds < 0:
            raise ValueError("seconds cannot be negative")
        if self.fault in {"function_code", "business_error"} and self.code is None:
            raise ValueError(f"{self.fault} needs a code")
        if self.fault == "status" and self.status == HTTPStatus.OK:
            # The default value means that no status was given.
            raise ValueError("the fault status needs the field status")
        if self.fault == "rewrite" and not self.find:
            raise ValueError("rewrite needs what to find")
        bytes.fromhex(self.octets)
        for name, pattern in (("path", self.path or ""), ("find", self.find)):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{name} is no regular expression: {error}") from error


@dataclass(slots=True)
class ActiveFault:
    """A fault that is still in effect."""

    fault: Fault
    left: int | None = None
    chance: random.Random = field(default_factory=random.Random)

    @classmethod
    def begin(cls, fault: Fault) -> "ActiveFault":
        return cls(fault, fault.times, random.Random(fault.seed))

    def strikes(self, path: str) -> bool:
        """Whether the fault acts on this call. Each such call uses up one of its times."""
        if self.left == 0 or (self.fault.path and not re.search(self.fault.path, path)):
            return False
        if self.fault.probability is not None and self.chance.random() >= self.fault.probability:
            return False
        if self.left is not None:
            self.left -= 1
        return True

"""The switchboard: one `Switch` for each vendor, with its calls, its faults and its settings."""

import asyncio
import re
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from sandbox.vendors.faults import ActiveFault, Fault

VENDORS: Final[Mapping[str, str]] = {
    "hyper": "sandbox.vendors.hyper",
    "cplugin": "sandbox.vendors.cplugin",
    "cplugin_auth": "sandbox.vendors.cplugin_auth",
    "broker_work": "sandbox.vendors.broker_work",
    "broctagon": "sandbox.vendors.broctagon",
    "mt5_web": "sandbox.vendors.mt5_web",
}
"""The vendor servers, and the modules whose `build` makes them."""
REMEMBERED_CALLS = 1000
SECRET_HEADERS = frozenset({"authorization", "key", "signature", "x-api-token", "cookie"})
_SECRET_FIELDS = re.compile(
    r'("?(?:API_Password|client_secret|master_password|investor_password|PassMain|PassInvestor)"?\s*[:=]\s*)("(?:[^"\\]|\\.)*"|[^&,}\s]*)',
    re.IGNORECASE,
)
_PASSWORD_PATHS = re.compile(r"/UserPasswordSet/", re.IGNORECASE)

Action = Callable[[], Awaitable[None]]


class Switch:
    """The recorded calls, the active faults and the settings of one vendor."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.total = 0
        self.counts: Counter[str] = Counter()
        self.calls: deque[dict[str, Any]] = deque(maxlen=REMEMBERED_CALLS)
        self.faults: list[ActiveFault] = []
        self.settings: dict[str, Any] = {}
        self.defaults: dict[str, Any] = {}
        self.released = asyncio.Event()
        self.expire_tokens: Action | None = None
        self.shut: Callable[[float | None], Awaitable[None]] | None = None
        self.reopen: Action | None = None
        self.on_reset: list[Action] = []

    def record(self, template: str, call: dict[str, Any]) -> None:
        self.total += 1
        self.counts[template] += 1
        self.calls.append({"number": self.total, "template": template} | call)

    def strike(self, path: str) -> Fault | None:
        """The first active fault that acts on this call."""
        return next((active.fault for active in self.faults if active.strikes(path)), None)

    async def misbehave(self, fault: Fault) -> None:
        if fault.fault == "expire_token":
            if self.expire_tokens is None:
                raise ValueError(f"{self.name} issues no tokens that could expire")
            await self.expire_tokens()
        elif fault.fault == "refuse" and fault.times is None and fault.path is None and fault.probability is None:
            assert self.shut is not None
            await self.shut(fault.seconds)
        else:
            self.faults.append(ActiveFault.begin(fault))

    async def reset(self) -> None:
        """Remove faults and counts and end hanging calls. Changes that were applied stay."""
        self.faults.clear()
        self.calls.clear()
        self.counts.clear()
        self.total = 0
        self.settings = dict(self.defaults)
        self.released.set()
        self.released = asyncio.Event()
        for action in self.on_reset:
            await action()
        if self.reopen is not None:
            await self.reopen()

    def configure(self, settings: Mapping[str, Any]) -> None:
        unknown = sorted(set(settings) - set(self.defaults))
        if unknown:
            raise ValueError(f"{self.name} has no setting {', '.join(unknown)}; it has {', '.join(self.defaults)}")
        self.settings |= settings

    def default(self, **settings: Any) -> None:
        self.defaults |= settings
        self.settings |= settings


class Switchboard(dict[str, Switch]):
    def __init__(self) -> None:
        super().__init__({name: Switch(name) for name in VENDORS})


def without_secrets(path: str, headers: Mapping[str, str], body: bytes) -> tuple[dict[str, str], str]:
    """A recorded call without credentials and passwords, as in a log."""
    shown = {name: ("***" if name in SECRET_HEADERS else value) for name, value in headers.items()}
    if _PASSWORD_PATHS.search(path):
        return shown, "***"
    return shown, _SECRET_FIELDS.sub(r"\1***", body.decode("utf-8", "replace"))

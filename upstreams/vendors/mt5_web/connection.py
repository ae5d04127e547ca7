from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from core.errors import System
from upstreams.http.failures import Failures
from upstreams.http.link import Link
from upstreams.http.network import Network
from upstreams.http.request import HttpRequest
from upstreams.http.sessions import SessionRules
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.kit.vendor import Opening
from upstreams.vendors.mt5_web.config import Mt5WebConfig
from upstreams.vendors.mt5_web.handshake import Handshake
from upstreams.vendors.mt5_web.retcodes import HEADERS

SYSTEM: Final = System("MT5_WEB")
PING_PATH: Final = "/api/test/access"
_NO_SESSION: Final = frozenset({401, 403})
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Mt5WebConnection:
    """Commands have a connection of their own, because answers come in turn and a long list would delay a deposit."""

    config: Mt5WebConfig
    reads: Link
    money: Link


def connect(opening: Opening, config: Mt5WebConfig) -> Mt5WebConnection:
    """Open the links. The access server has no plain HTTP [D, MQ-prep]."""
    if not config.url.startswith("https://"):
        raise opening.setting_error("url", "must begin with https://")
    if problem := Network(ca_file=config.ca_file).problem():
        raise opening.setting_error(*problem)
    money = replace(config.limits, max_in_flight=1)
    return Mt5WebConnection(
        config, _link(opening, config, ""), _link(opening, replace(config, limits=money), " (money)")
    )


def _link(opening: Opening, config: Mt5WebConfig, suffix: str) -> Link:
    failures = Failures(opening.system, opening.name + suffix, opening.label)
    rules = SessionRules(
        url=config.url.rstrip("/"),
        connections=config.limits.max_in_flight,
        begin=Handshake(config, failures).begin,
        is_lost=is_lost,
        ping=HttpRequest("GET", PING_PATH, headers=HEADERS),
        ping_seconds=config.ping_seconds,
        first_pause_seconds=config.first_pause_seconds,
        longest_pause_seconds=config.longest_pause_seconds,
        fingerprint=config.digest,
    )
    network = Network(ca_file=config.ca_file)
    return opening.link(config.url, config.limits, network, suffix=suffix, sessions=rules)


def is_lost(answer: HttpAnswer) -> bool:
    """Whether the connection has no session: 401, 403 [C], or a page in place of JSON [I]."""
    return answer.status in _NO_SESSION or (answer.status == _OK and answer.body.lstrip().startswith(b"<"))

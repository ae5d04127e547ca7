from dataclasses import dataclass
from typing import Final

from core.errors import System
from upstreams.http.link import Link
from upstreams.vendors.broker_work.config import BrokerWorkConfig
from upstreams.vendors.kit.vendor import Opening

SYSTEM: Final = System("BROKER_WORK")


@dataclass(frozen=True, slots=True)
class BrokerWorkConnection:
    config: BrokerWorkConfig
    link: Link


def connect(opening: Opening, config: BrokerWorkConfig) -> BrokerWorkConnection:
    return BrokerWorkConnection(config, opening.link(config.url, config.limits, config.network))

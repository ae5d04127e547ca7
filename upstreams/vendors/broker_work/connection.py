from dataclasses import dataclass

from upstreams.http.link import Link
from upstreams.vendors.broker_work.config import BrokerWorkConfig


@dataclass(frozen=True, slots=True)
class BrokerWorkConnection:
    config: BrokerWorkConfig
    link: Link

"""The open vendor connections, from which each trading server takes the one that its settings name."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from upstreams.vendors.broctagon.crm import Broctagon
from upstreams.vendors.broker_work.connection import BrokerWorkConnection
from upstreams.vendors.cplugin.connection import CPluginConnection


@dataclass(frozen=True, slots=True)
class Connections:
    broctagon: Broctagon | None = None
    cplugin: Mapping[str, CPluginConnection] = field(default_factory=dict)
    broker_work: Mapping[str, BrokerWorkConnection] = field(default_factory=dict)

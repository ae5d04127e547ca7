"""What has to be known of each upstream before it can be called; `api/settings/settings.py` fills it from the file."""

import msgspec

from upstreams.vendors.broctagon.config import BroctagonConfig
from upstreams.vendors.broker_work.config import BrokerWorkConfig
from upstreams.vendors.cplugin.config import CPluginConfig
from upstreams.vendors.hyper.config import HyperConfig
from upstreams.vendors.kit.server_config import ServerConfig


class UpstreamsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that `upstreams.open.open_upstreams` opens."""

    hyper: HyperConfig | None = None
    broctagon: BroctagonConfig | None = None
    cplugin: dict[str, CPluginConfig] = {}
    broker_work: dict[str, BrokerWorkConfig] = {}
    servers: dict[str, ServerConfig] = {}

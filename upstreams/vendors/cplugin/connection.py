from dataclasses import dataclass

from upstreams.http.access_tokens import AuthorisedLink
from upstreams.vendors.cplugin.config import CPluginConfig


@dataclass(frozen=True, slots=True)
class CPluginConnection:
    config: CPluginConfig
    authorised: AuthorisedLink

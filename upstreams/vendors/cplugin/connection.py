from dataclasses import dataclass
from typing import Final

from core.errors import System
from upstreams.http.access_tokens import AuthorisedLink
from upstreams.http.client_credentials import ClientCredentials
from upstreams.vendors.cplugin.config import CPluginConfig
from upstreams.vendors.kit.vendor import Opening

SYSTEM: Final = System("CPLUGIN")


@dataclass(frozen=True, slots=True)
class CPluginConnection:
    config: CPluginConfig
    authorised: AuthorisedLink


def connect(opening: Opening, config: CPluginConfig) -> CPluginConnection:
    """Open the links to the API and to the OAuth2 authority of its tokens."""
    link = opening.link(config.url, config.limits, config.network)
    network = config.network
    authority = opening.link(config.auth_url, config.limits, network, setting="auth_url", suffix=" (tokens)")
    tokens = ClientCredentials(authority, config.auth_url, config.client_id, config.client_secret)
    opening.close_with(tokens.aclose)
    return CPluginConnection(config, AuthorisedLink(link, tokens))

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from core.errors import System
from upstreams.http.tokens.access_tokens import AuthorisedLink
from upstreams.http.tokens.client_credentials import ClientCredentials
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
    tokens = _client_credentials(opening, config)
    opening.close_with(tokens.aclose)
    return CPluginConnection(config, AuthorisedLink(link, tokens))


def _client_credentials(opening: Opening, config: CPluginConfig) -> ClientCredentials:
    """The tokens of the authority, or of the token endpoint that the settings name."""
    setting, url, path = "auth_url", config.auth_url, None
    if config.token_url is not None:
        setting, (url, path) = "token_url", _origin_and_path(config.token_url)
    link = opening.link(url, config.limits, config.network, setting=setting, suffix=" (tokens)")
    basic = config.auth_method == "basic"
    return ClientCredentials(link, url, config.client_id, config.client_secret, token_path=path, basic=basic)


def _origin_and_path(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}", (parts.path or "/").replace("{", "{{").replace("}", "}}")

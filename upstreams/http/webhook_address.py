"""The address of a webhook's receiver, which a partner chooses: the addresses to which nothing is sent.

A name is resolved before each attempt, and the connection goes to the address that was checked. A name that moves to a
private address afterwards (DNS rebinding) therefore reaches nothing.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

import httpx

from core.secret import Secret
from upstreams.http.http1 import PORTS

_UNICAST: Final = IPv6Network("2000::/3")
# 6to4: the address has an IPv4 address in it, to which a relay would send.
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")
_LONGEST_URL: Final = 2048
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
_HIGHEST_PORT: Final = 65_535


class BadAddress(ValueError):
    """The URL or the address cannot be used. The text has the reason and quotes nothing."""


@dataclass(frozen=True, slots=True, repr=False)
class WebhookAddress:
    """A checked URL. `authority` is the Host header, `target` is the path with the query."""

    scheme: str
    host: str
    port: int
    authority: bytes
    target: bytes


def parse_webhook_url(url: Secret, *, allow_private: bool) -> WebhookAddress:
    """Raises BadAddress for a URL without https or with a private address, unless private addresses are allowed."""
    text = url.reveal()
    try:
        parts = httpx.URL(text)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except (httpx.InvalidURL, ValueError):
        raise BadAddress("it is not a URL") from None
    if parts.scheme not in (("https", "http") if allow_private else ("https",)):
        raise BadAddress("it must begin with https://")
    if not parts.host or parts.userinfo or parts.fragment or len(text) > _LONGEST_URL:
        raise BadAddress("it must be like https://partner.example/path, without a password and without a #")
    host = parts.raw_host.decode("ascii")
    is_literal = _is_literal(host)
    if not (is_literal or _NAME.fullmatch(host)) or not 0 < port <= _HIGHEST_PORT:
        raise BadAddress("its host or its port is not valid")
    if not allow_private and is_literal and not is_public(host):
        raise BadAddress("it names a private address; [webhooks] allow_private allows private addresses")
    return WebhookAddress(parts.scheme, host, port, parts.netloc, parts.raw_path)


def is_public(text: str) -> bool:
    """Whether the text is an address of the internet.

    Not public are loopback, private, link-local, shared, multicast, unspecified and reserved addresses, and IPv6
    addresses
    that stand for an IPv4 address.
    """
    try:
        address: IPv4Address | IPv6Address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and (address not in _UNICAST or address in _SIX_TO_FOUR):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True

"""HTTP clients of tests. They read no certificate authorities, which takes 20 ms a client, because no test uses TLS."""

import ssl
from typing import Any

import httpx

_NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def http_client(**options: Any) -> httpx.AsyncClient:
    """`httpx.AsyncClient` for addresses that begin with http://."""
    return httpx.AsyncClient(verify=_NO_AUTHORITIES, **options)

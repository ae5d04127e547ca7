"""The way to another system: its certificate authority, and the proxy in front of it."""

from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from core.secret import Secret
from upstreams.http.tls import tls_context


class Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[VENDOR.network]. `ca_file`: the authorities to trust, in PEM form. `proxy`: http://user:password@host:port."""

    ca_file: Path | None = None
    proxy: Secret | None = None

    def problem(self) -> tuple[str, str] | None:
        """The setting that cannot be used, and why; None if both can. A proxy's address is not quoted."""
        try:
            tls_context(self.ca_file)
        except ValueError as error:
            return "ca_file", str(error)
        if self.proxy is not None and not _is_proxy(self.proxy.reveal()):
            return "proxy", "must be like http://proxy.example.com:3128; percent-encode a password in it"
        return None


DIRECT = Network()


def _is_proxy(address: str) -> bool:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and parts.path in {"", "/"}
        and not parts.query
        and not parts.fragment
    )

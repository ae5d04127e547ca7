"""The settings file of the graph for a running sandbox."""

import json
from collections.abc import Mapping
from pathlib import Path

from sandbox import settings
from sandbox.settings import Server

HYPER_REQUESTS_PER_MINUTE = 6_000
"""The sandbox's Hyper accepts this number of calls. The default of 20 a minute is for the real Hyper [D, H-1445]."""

Value = str | int | bool | list[str]
Section = Mapping[str, Value]

_HEAD = "# Written by the sandbox at each start, with the addresses of this start. Its secrets are valid only for "
"this sandbox.\n"


def write(path: Path, *, database_url: str, urls: Mapping[str, str], fingerprint: str) -> None:
    """Write the settings file. Only the owner can read the file, because it has secrets."""
    text = _HEAD + "".join(
        _render(name, section) for name, section in _sections(database_url, urls, fingerprint).items()
    )
    write_private(path, text)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read. The complete file is renamed to its name, so that no process reads a
    part of it.
    """
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    aside.touch(0o600, exist_ok=False)
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def _sections(database_url: str, urls: Mapping[str, str], fingerprint: str) -> dict[str, Section]:
    cplugin: Section = {
        "url": urls["cplugin"],
        "auth_url": urls["cplugin_auth"],
        "client_id": settings.CPLUGIN_CLIENT_ID,
        "client_secret": settings.CPLUGIN_CLIENT_SECRET,
    }
    return {
        # No load balancer has to notice its end.
        "server": {"host": "127.0.0.1", "port": 8000, "drain_seconds": 0},
        "erp": {"database_url": database_url, "accounting_currency": settings.ACCOUNTING_CURRENCY},
        "state": {"database_url": database_url},
        "hyper": {
            "url": urls["hyper"],
            "access_token": settings.HYPER_ACCESS_TOKEN,
            "refresh_token": settings.HYPER_REFRESH_TOKEN,
            "refresh": "fixed",
            "requests_per_minute": HYPER_REQUESTS_PER_MINUTE,
        },
        "broctagon": {"url": urls["broctagon"], "key": settings.BROCTAGON_KEY},
        "cplugin.main": {**cplugin, "api": "v2"},
        "cplugin.legacy": {**cplugin, "api": "v1"},
        "broker_work.main": {
            "url": urls["broker_work"],
            "tenant_id": settings.BROKER_WORK_TENANT,
            "token": settings.BROKER_WORK_TOKEN,
        },
        "mt5_web.direct": {
            "url": urls["mt5_web"],
            "login": settings.MT5_WEB_LOGIN,
            "password": settings.MT5_WEB_PASSWORD,
            "fingerprint": fingerprint,
        },
        # A check at night would call vendors whose calls a test counts.
        "books": {"enabled": False},
        **{f"servers.{server.name}": _server(server) for server in settings.SERVERS},
    }


def _server(server: Server) -> Section:
    connection: dict[str, Value] = {"connection": server.connection} if server.connection else {}
    return {
        "platform": server.platform,
        "adapter": server.face,
        **connection,
        "id": server.vendor_id,
        "timezone": server.timezone,
        "deposits": server.deposits,
        "withdrawals": server.withdrawals,
        "groups": [group.name for group in server.groups],
    }


def _render(name: str, section: Section) -> str:
    """A line of TOML, which writes text, numbers, booleans and lists as JSON does."""
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in section.items()]
    return "\n".join(["", f"[{name}]", *lines, ""])

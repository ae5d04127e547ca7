"""The dashboard: one page at `/`, and its files under an address with their fingerprint.

The files in api/pages/dashboard are served as they are in the repository: the browser is the only compiler.
"""

import base64
from hashlib import sha256
from html import escape
from http import HTTPStatus
from pathlib import Path
from string import Template
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from api.documents.dashboard import dashboard_documents
from api.pages.assets import FOR_EVER, Assets
from api.pages.siblings import SUFFIXES
from api.settings.settings import Settings

FILES: Final = Path(__file__).parent / "dashboard"
# The bare names that modules import, and their files.
MODULES: Final = {
    "preact": "vendor/preact/preact.mjs",
    "preact/hooks": "vendor/preact/hooks.mjs",
    "htm": "vendor/htm/htm.module.js",
    "@preact/signals": "vendor/@preact/signals/signals.mjs",
    "@preact/signals-core": "vendor/@preact/signals-core/signals-core.mjs",
    "@urql/core": "vendor/@urql/core/urql-core.mjs",
    "wonka": "vendor/wonka/wonka.mjs",
    "@0no-co/graphql.web": "vendor/@0no-co/graphql.web/graphql.web.mjs",
    "graphql-ws": "vendor/graphql-ws/client.js",
    "uplot": "vendor/uplot/uPlot.esm.js",
}
# The charts' library is half of all bytes. It is loaded with the first chart and not with the page.
_LATER: Final = ("vendor/uplot/uPlot.esm.js",)


class Dashboard:
    """The page and its files. Their address changes with any of them, so that browsers keep them without asking."""

    def __init__(self, settings: Settings) -> None:
        self._address = f"/dashboard/{fingerprint(FILES)}"
        import_map = _json({"imports": {name: f"{self._address}/{path}" for name, path in MODULES.items()}})
        self._page = Template((FILES / "page.html").read_text(encoding="utf-8")).substitute(
            address=self._address,
            import_map=import_map,
            preloads="\n".join(f'<link rel="modulepreload" href="{self._address}/{name}">' for name in _first()),
            settings=_json(_for_browser(settings)),
        )
        self._headers = _page_headers(import_map, settings)

    def routes(self) -> list[BaseRoute]:
        """The page at `/`, and the files."""
        files = Assets(FILES, headers={"Cache-Control": FOR_EVER})
        return [Route("/", self.page), Mount(self._address, files, name="dashboard")]

    async def page(self, _request: Request) -> Response:
        return Response(self._page, HTTPStatus.OK, self._headers, "text/html")


def fingerprint(folder: Path) -> str:
    """A hash of the names and contents of the files, without their compressed siblings."""
    digest = sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix not in SUFFIXES.values():
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _first() -> list[str]:
    """The modules of the first load. Without this list the browser would find them one level after the other."""
    found = sorted(path for path in FILES.rglob("*") if path.suffix in {".js", ".mjs"})
    return [name for name in (path.relative_to(FILES).as_posix() for path in found) if name not in _LATER]


def _for_browser(settings: Settings) -> dict[str, Any]:
    """The values that the page needs before sign-in. They are public."""
    key = settings.server.dashboard_key
    issuers = [
        {"name": name, "issuer": one.issuer, "clientId": one.dashboard_client_id, "scope": one.dashboard_scope}
        for name, one in settings.auth.oidc.items()
        if one.dashboard_client_id is not None
    ]
    documents = {name: one.id for name, one in dashboard_documents().items()}
    return {"demoKey": key.reveal() if key else None, "issuers": issuers, "documents": documents}


def _json(value: Any) -> str:
    """JSON for a script element, which a `<` in a text cannot end."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c")


def _page_headers(import_map: str, settings: Settings) -> dict[str, str]:
    """The policy allows no inline script but the import map, by its hash, and no inline style."""
    digest = base64.b64encode(sha256(import_map.encode()).digest()).decode()
    connect = " ".join(["'self'", *_issuer_origins(settings)])
    policy = (
        f"default-src 'none'; script-src 'self' 'sha256-{digest}'; style-src 'self'; connect-src {connect}; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {
        # The page names files that the next version replaces.
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def _issuer_origins(settings: Settings) -> list[str]:
    """The origins that the sign-in asks: the issuer's own, and that of its token endpoint if it is another."""
    issuers = [one for one in settings.auth.oidc.values() if one.dashboard_client_id is not None]
    addresses = [address for one in issuers for address in (one.issuer, *one.dashboard_origins)]
    parts = (urlsplit(address) for address in addresses)
    return sorted({escape(f"{part.scheme}://{part.netloc}") for part in parts})

"""The documentation at /docs, served only from files of the package, for the audience of the settings.

The files are built in site/ when brokergraph is installed (docs/decisions/0017-documentation-site.md).
"""

from http import HTTPStatus
from pathlib import Path
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from api.pages.access import refusal_for
from api.pages.assets import Assets
from api.services import AppServices
from resolvers.policy.scopes import Scope

SITE: Final = Path(__file__).parent / "site"
# Of inline scripts and styles, only those are allowed that the build has seen. The icons of the pages are data.
POLICY: Final = (
    "default-src 'none'; script-src 'self' {scripts}; style-src 'self' {styles}; worker-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {"Cross-Origin-Opener-Policy": "same-origin"}


class Manifest(msgspec.Struct, frozen=True):
    """The allowed inline scripts and styles, as sources of a Content-Security-Policy."""

    scripts: tuple[str, ...]
    styles: tuple[str, ...]


class DocsPages:
    """The pages, or the reason for their absence."""

    def __init__(self, site: Path = SITE) -> None:
        self._pages: ASGIApp = _pages(site)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        refusal = await _refusal(Request(scope, receive))
        await (refusal or self._pages)(scope, receive, send)


async def docs_front(request: Request) -> Response:
    """The redirection to the first page. Links are relative, so that the address of this page needs its slash."""
    return await _refusal(request) or RedirectResponse("/docs/")


async def _refusal(request: Request) -> Response | None:
    app_services: AppServices = request.state.app_services
    return await refusal_for(request, app_services.settings.server.docs, Scope.SCHEMA_READ)


def _pages(site: Path) -> ASGIApp:
    try:
        manifest = msgspec.json.decode((site / "manifest.json").read_bytes(), type=Manifest)
    except FileNotFoundError:
        return Response(f"{_reason(site)}\n", HTTPStatus.SERVICE_UNAVAILABLE, media_type="text/plain")
    policy = POLICY.format(scripts=" ".join(manifest.scripts), styles=" ".join(manifest.styles))
    return Assets(site, html=True, headers=HEADERS | {"Content-Security-Policy": policy})


def _reason(site: Path) -> str:
    try:
        return (site / "missing.txt").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return "The documentation was never built in this checkout; its pages are the files in docs/."

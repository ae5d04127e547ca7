"""GraphiQL, served only from files of the package.

The files are built in static/ when brokergraph is installed (docs/decisions/0002-graphiql.md).
"""

from html import escape
from http import HTTPStatus
from pathlib import Path
from typing import Final

import msgspec
from starlette.responses import Response

from api.settings.settings import Settings

STATIC_FILES: Final = Path(__file__).parent / "static"
# Scripts are allowed only from this server's own files. Inline styles are allowed, because the editor (Monaco)
# positions its lines by style attributes and adds style elements at run time, and supports no nonce for either.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; "
    "font-src 'self' data:; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# The page is not cached, because it may have the demo's key, and it names files that the next version replaces.
PAGE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
}


class Manifest(msgspec.Struct, frozen=True):
    """The file names of the bundle."""

    script: str
    style: str


def graphiql_page(settings: Settings) -> Response:
    """The page, or an explanation how to build its missing files."""
    try:
        manifest = msgspec.json.decode((STATIC_FILES / "manifest.json").read_bytes(), type=Manifest)
    except FileNotFoundError:
        page = _MISSING.format(reason=escape(_reason()))
        return Response(page, HTTPStatus.SERVICE_UNAVAILABLE, PAGE_HEADERS, "text/html")
    key = settings.server.graphiql_key
    demo_key = f' data-demo-key="{escape(key.reveal())}"' if key else ""
    page = _PAGE.format(script=escape(manifest.script), style=escape(manifest.style), demo_key=demo_key)
    return Response(page, HTTPStatus.OK, PAGE_HEADERS, "text/html")


def _reason() -> str:
    try:
        return (STATIC_FILES / "missing.txt").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return "The files were never built in this checkout."


_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>brokergraph · GraphiQL</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/{style}">
<script type="module" src="/static/{script}"></script>
</head>
<body>
<div id="graphiql"{demo_key}></div>
<noscript>GraphiQL needs JavaScript. The graph answers POST /graphql without it.</noscript>
</body>
</html>
"""

_MISSING: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>brokergraph · GraphiQL is missing</title>
<link rel="icon" href="data:,">
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.6 system-ui, sans-serif; margin: 12vh auto; max-width: 42rem; padding: 0 1rem }}
pre {{ background: #8882; border-radius: 6px; overflow-x: auto; padding: 1rem }}
</style>
</head>
<body>
<h1>GraphiQL's files are missing</h1>
<p>The graph itself is well: <code>POST /graphql</code> answers. But this page has nothing to show. {reason}</p>
<p>With the network within reach, and Node.js 18 or newer with npm (Debian, Ubuntu:
<code>apt-get install nodejs npm</code>), install brokergraph again in its checkout:</p>
<pre># with make or uv
uv pip install --no-deps --no-build-isolation -e .
# with plain pip
.venv/bin/pip install --no-deps --no-build-isolation -e .</pre>
<p>Then load this page again; the server need not be restarted.</p>
</body>
</html>
"""

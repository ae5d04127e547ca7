"""Folders of static files, served compressed: GraphiQL, the dashboard and the documentation.

- A client that accepts br or gzip gets the sibling that the build made, never one that is older than its file.
- Only a file with a hash in its name is cached without a time limit, because its content never changes. A browser asks
  for any other file again, and gets 304 if it has the current one.
- The media types are the same on every machine.
"""

import os
import re
from collections.abc import Mapping
from http import HTTPStatus
from mimetypes import MimeTypes
from pathlib import Path
from typing import Final
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.staticfiles import NotModifiedResponse, PathLike, StaticFiles
from starlette.types import Scope

from api.http.negotiation import coding
from api.pages.siblings import SUFFIXES, is_fresh, sibling_of

HEADERS: Final = {
    # A worker has the policy of its own file and not the policy of the page.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
FOR_EVER: Final = "public, max-age=31536000, immutable"
# esbuild writes eight characters of base32; other tools write at least eight hexadecimal digits.
HASHED: Final = re.compile(r"-[A-Z2-7]{8}\.|[-.](?=[a-f]*\d)[0-9a-f]{8,64}\.")
# Built from Python's own table, not from the table of the machine.
_TYPES: Final = MimeTypes()
for _suffix, _media_type in {
    ".js": "text/javascript",
    ".map": "application/json",
    ".mjs": "text/javascript",
    ".md": "text/markdown",
    ".ttf": "font/ttf",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
}.items():
    _TYPES.add_type(_media_type, _suffix)


class Assets(StaticFiles):
    """A folder of files. `headers` are added to those of every file, or replace them.

    With `html`, the address of a folder is answered by its index.html.
    """

    def __init__(self, directory: PathLike, *, html: bool = False, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(directory=directory, html=html)
        self._headers = HEADERS | dict(headers or {})

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, a redirection to a folder's address, or 404."""
        response = await super().get_response(path, scope)
        if isinstance(response, RedirectResponse):
            # Starlette takes the host from the Host header, which a client may invent.
            response.headers["Location"] = f"./{quote(scope['path'].rpartition('/')[2])}/"
        response.headers.update(self._headers)
        return response

    def file_response(
        self, full_path: PathLike, stat_result: os.stat_result, scope: Scope, status_code: int = HTTPStatus.OK
    ) -> Response:
        """The file or its sibling; 304 if the client has it."""
        path, asked = Path(full_path), Headers(scope=scope)
        headers = {"Vary": "Accept-Encoding", "Cache-Control": FOR_EVER if HASHED.search(path.name) else "no-cache"}
        how = coding(",".join(asked.getlist("accept-encoding")))
        served = sibling_of(path, how) if how else path
        if how and is_fresh(path, served):
            headers["Content-Encoding"], stat_result = how, served.stat()
        else:
            served = path
        response = FileResponse(served, status_code, headers, _media_type_of(path), stat_result=stat_result)
        return NotModifiedResponse(response.headers) if self.is_not_modified(response.headers, asked) else response


def _media_type_of(path: Path) -> str:
    """The media type of the file. A sibling that is asked for by its own name is plain bytes."""
    found = None if path.suffix in SUFFIXES.values() else _TYPES.guess_type(path.name)[0]
    return found or "application/octet-stream"

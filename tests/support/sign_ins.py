"""An issuer with a sign-in page and a token endpoint, as a browser sees them: the code flow with PKCE."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from support.issuers import FakeIssuer

CLIENT = "dashboard"


@dataclass
class SignInIssuer(FakeIssuer):
    """Each visitor is signed in without a question. `state` and `nonce` replace those of the request."""

    asked_for: dict[str, str] = field(default_factory=dict)
    exchanged: list[dict[str, str]] = field(default_factory=list)
    state: str | None = None
    nonce: str | None = None

    def answer(self, path: str) -> object:
        endpoints = {"authorization_endpoint": f"{self.url}/authorize", "token_endpoint": f"{self.url}/token"}
        answer = super().answer(path)
        return answer | endpoints if "issuer" in answer else answer

    def redirect(self, query: str) -> str:
        """Where the sign-in page sends the browser."""
        self.asked_for = {name: value for name, (value,) in parse_qs(query).items()}
        state = self.state or self.asked_for["state"]
        return f"{self.asked_for['redirect_uri']}?{urlencode({'code': 'once', 'state': state})}"

    def tokens(self, form: str) -> dict[str, str] | None:
        """The tokens for the code; None if the verifier is not that of the challenge."""
        given = {name: value for name, (value,) in parse_qs(form).items()}
        self.exchanged.append(given)
        digest = hashlib.sha256(given["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != self.asked_for["code_challenge"]:
            return None
        nonce = self.nonce or self.asked_for["nonce"]
        return {"access_token": self.token(), "id_token": self.token(nonce=nonce), "token_type": "Bearer"}


@contextmanager
def signing_in() -> Iterator[SignInIssuer]:
    issuer = SignInIssuer()
    issuer.new_key("one")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/authorize":
                self._send(302, None, {"location": issuer.redirect(parts.query)})
            else:
                self._send(200, issuer.answer(self.path))

        def do_POST(self) -> None:
            tokens = issuer.tokens(self.rfile.read(int(self.headers["content-length"])).decode())
            self._send(400 if tokens is None else 200, tokens)

        def _send(self, status: int, content: object, headers: dict[str, str] | None = None) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"access-control-allow-origin": "*", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()

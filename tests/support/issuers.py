"""An OpenID Connect issuer on a socket of its own: keys that can be rotated, answers that can go wrong."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwk, jws

AUDIENCE = "brokergraph"
# The client of a client's own token in the tests.
OWN_CLIENT = 500608
STAFF = {"scope": "desk", "agencies": [1]}


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@dataclass
class FakeIssuer:
    url: str = ""
    keys: dict[str, Any] = field(default_factory=dict)
    published: list[dict] | None = None
    status: int = 200
    asked: list[str] = field(default_factory=list)
    discovery: dict = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, str]:
        """The variables, without their prefix, of a server that believes this issuer's tokens."""
        names = {"ISSUER": self.url, "AUDIENCE": f'["{AUDIENCE}"]', "ALGORITHMS": '["ES256"]'}
        return {f"AUTH__OIDC__staff__{name}": value for name, value in names.items()}

    def new_key(self, kid: str, kind: str = "EC") -> None:
        self.keys[kid] = jwk.generate_key(kind, "P-256" if kind == "EC" else 2048, {"kid": kid})

    def jwks(self) -> dict:
        shown = [key.as_dict(private=False) for key in self.keys.values()]
        return {"keys": shown if self.published is None else self.published}

    def answer(self, path: str) -> Any:
        if path.endswith("/.well-known/openid-configuration"):
            return {"issuer": self.url, "jwks_uri": f"{self.url}/jwks"} | self.discovery
        return self.jwks()

    def claims(self, **more: Any) -> dict:
        now = int(time.time())
        base = {"iss": self.url, "aud": AUDIENCE, "sub": "anna", "iat": now, "nbf": now, "exp": now + 300}
        return {name: value for name, value in (base | STAFF | more).items() if value is not ...}

    def token(self, kid: str = "one", header: dict | None = None, **claims: Any) -> str:
        key = self.keys[kid]
        algorithm = "ES256" if key.key_type == "EC" else "RS256"
        head = {"alg": algorithm, "kid": kid, "typ": "JWT"} | (header or {})
        head = {name: value for name, value in head.items() if value is not ...}
        payload = json.dumps(self.claims(**claims)).encode()
        registry = jws.JWSRegistry(algorithms=[head["alg"]], strict_check_header=False)
        return jws.serialize_compact(head, payload, key, registry=registry)


@contextmanager
def issuing() -> Iterator[FakeIssuer]:
    issuer = FakeIssuer()
    issuer.new_key("one")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked.append(self.path)
            body = json.dumps(issuer.answer(self.path)).encode()
            self.send_response(issuer.status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

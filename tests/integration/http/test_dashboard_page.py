"""The page at `/`: its policy, what it tells, and the files behind it."""

import base64
import hashlib
import json
import re

import msgspec
import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.documents.dashboard import dashboard_documents
from api.pages.dashboard_page import FILES, fingerprint
from api.settings.databases import ErpSection
from api.settings.oidc import OidcConfig
from api.settings.settings import AuthSection, ServerSection, Settings
from core.secret import Secret

PLAIN = Settings(erp=ErpSection(database_url=Secret("postgresql://erp"), accounting_currency="USD"))
ON = ServerSection(dashboard=True)
STAFF = OidcConfig(
    issuer="https://login.example.com/realms/staff",
    audience=("brokergraph",),
    dashboard_client_id="page",
    dashboard_origins=("https://tokens.example.com",),
)
PROGRAMS = OidcConfig(issuer="https://programs.example.com", audience=("brokergraph",))


def client_of(server: ServerSection = ON, **oidc: OidcConfig) -> TestClient:
    settings = msgspec.structs.replace(PLAIN, server=server, auth=AuthSection(oidc=oidc))
    return TestClient(create_app(settings), follow_redirects=False)


def policy_of(client: TestClient) -> dict[str, list[str]]:
    directives = client.get("/").headers["content-security-policy"].split("; ")
    return {name: sources.split() for name, _, sources in (one.partition(" ") for one in directives)}


def told(client: TestClient) -> dict:
    found = re.search(r'<script type="application/json" id="settings">(.*?)</script>', client.get("/").text)
    assert found is not None
    return json.loads(found[1])


def test_without_the_setting_the_address_leads_to_the_graph_and_no_file_is_served():
    client = client_of(ServerSection())

    assert client.get("/").headers["location"] == "/graphql"
    assert client.get(f"/dashboard/{fingerprint(FILES)}/app.js").status_code == 404


def test_the_policy_allows_this_server_and_the_import_map_alone():
    client = client_of()
    page = client.get("/")

    found = re.search(r'<script type="importmap">(.*?)</script>', page.text)
    assert found is not None
    digest = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
    policy = policy_of(client)
    assert policy["script-src"] == ["'self'", f"'sha256-{digest}'"]
    assert policy["style-src"] == policy["connect-src"] == ["'self'"]
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
    assert page.headers["cache-control"] == "no-store"
    # The only scripts in the page are the map, the settings and the first module.
    assert re.findall(r"<script type=\"([\w/]+)\"", page.text) == ["importmap", "application/json", "module"]


def test_each_file_that_the_page_names_is_served_for_ever():
    client = client_of()
    page = client.get("/").text
    names = re.findall(r'(?:href|src)="(/dashboard/[^"]+)"', page)
    names += json.loads(re.findall(r'"importmap">(.*?)</script>', page)[0])["imports"].values()

    answers = [client.get(name) for name in names]

    assert len(names) > 40
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["cache-control"] for answer in answers} == {"public, max-age=31536000, immutable"}
    types = {answer.headers["content-type"].partition(";")[0] for answer in answers}
    assert types == {"text/javascript", "text/css"}


@pytest.mark.parametrize("path", ["app.js", "no-such-file.js"])
def test_another_fingerprint_has_no_files(path):
    missing = client_of().get(f"/dashboard/0123456789abcdef/{path}")

    assert missing.status_code == 404
    assert "cache-control" not in missing.headers


def test_a_missing_file_is_not_kept():
    missing = client_of().get(f"/dashboard/{fingerprint(FILES)}/no-such-file.js")

    assert missing.status_code == 404
    assert "immutable" not in missing.headers.get("cache-control", "")


def test_the_fingerprint_changes_with_a_name_and_with_a_content_and_not_with_compression(tmp_path):
    (tmp_path / "one.js").write_text("1")
    first = fingerprint(tmp_path)
    (tmp_path / "one.js.br").write_text("compressed")
    assert fingerprint(tmp_path) == first

    (tmp_path / "one.js").write_text("2")
    second = fingerprint(tmp_path)
    (tmp_path / "one.js").rename(tmp_path / "two.js")

    assert len({first, second, fingerprint(tmp_path)}) == 3


def test_the_page_tells_the_ids_of_the_documents_and_no_text():
    client = client_of()

    documents = dashboard_documents()
    assert told(client)["documents"] == {name: one.id for name, one in documents.items()}
    assert documents["clients"].id == hashlib.sha256(documents["clients"].text.encode()).hexdigest()
    assert "query " not in client.get("/").text


def test_a_key_is_offered_only_where_the_settings_have_one_and_cannot_end_the_element():
    key = "</script><script>alert(1)</script>"

    assert told(client_of())["demoKey"] is None
    client = client_of(msgspec.structs.replace(ON, dashboard_key=Secret(key)))
    assert told(client)["demoKey"] == key
    assert "alert(1)</script>" not in client.get("/").text


def test_the_page_may_ask_the_issuers_that_have_a_client_for_it_and_no_other():
    client = client_of(staff=STAFF, programs=PROGRAMS)

    origins = ["'self'", "https://login.example.com", "https://tokens.example.com"]
    assert policy_of(client)["connect-src"] == origins
    shown = {"name": "staff", "issuer": STAFF.issuer, "clientId": "page", "scope": "openid"}
    assert told(client)["issuers"] == [shown]

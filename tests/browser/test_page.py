"""The page and its files, without a browser."""

from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from api.pages import graphiql
from api.pages.assets import Assets
from api.pages.graphiql import STATIC_FILES, graphiql_page
from core.secret import Secret


def settings(key: Secret | None):
    return SimpleNamespace(server=SimpleNamespace(graphiql_key=key))


@pytest.fixture
def assets() -> TestClient:
    return TestClient(Starlette(routes=[Mount("/static", Assets(STATIC_FILES))]))


def directives(policy: str) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in policy.split("; "))


def test_the_page_holds_a_key_only_where_it_is_told_one():
    with_key = graphiql_page(settings(Secret('demo"><i>'))).body.decode()
    without = graphiql_page(settings(None)).body.decode()

    assert with_key.replace(' data-demo-key="demo&quot;&gt;&lt;i&gt;"', "") == without
    assert "demo" not in without


def test_the_page_trusts_only_its_own_server():
    headers = graphiql_page(settings(None)).headers

    policy = directives(headers["content-security-policy"])
    assert (policy["default-src"], policy["script-src"], policy["connect-src"]) == ("'none'", "'self'", "'self'")
    assert policy["frame-ancestors"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


def test_files_are_kept_for_ever_and_never_sniffed(assets):
    script = graphiql_page(settings(None)).body.decode().split('src="')[1].split('"')[0]

    answer = assets.get(script)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_is_not_there_is_not_kept(assets):
    answer = assets.get("/static/page-00000000.js")

    assert answer.status_code == 404
    assert "cache-control" not in answer.headers


def test_a_page_without_its_files_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(graphiql, "STATIC_FILES", tmp_path)
    (tmp_path / "missing.txt").write_text("There was no <npm>.\n")

    answer = graphiql_page(settings(Secret("demo-operator")))

    assert answer.status_code == 503
    page = answer.body.decode()
    assert "There was no &lt;npm&gt;." in page
    assert "apt-get install nodejs npm" in page
    assert "pip install --no-deps --no-build-isolation -e ." in page
    assert "demo-operator" not in page

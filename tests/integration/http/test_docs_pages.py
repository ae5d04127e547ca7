"""/docs: the documentation from the files of the package, for the audience of the settings."""

import asyncio
from types import SimpleNamespace

import httpx
import pytest
from support.graphs import running_graph

from api.pages.docs import SITE, DocsPages


@pytest.fixture(scope="module")
def graph(box):
    with running_graph(box, SERVER__DOCS="callers") as graph:
        yield graph


def get(graph, path, key="demo-reader", **headers):
    authorization = {"authorization": f"Bearer {key}"} if key else {}
    return graph.client.get(f"{graph.url}{path}", headers=authorization | headers)


@pytest.mark.parametrize("path", ["/docs/", "/docs/index.html", "/docs/manifest.json", "/docs/nowhere.html"])
def test_a_request_without_a_key_gets_no_file(graph, path):
    assert get(graph, path, key=None).status_code == 401


def test_a_caller_gets_the_first_page_at_an_address_of_this_server(graph):
    first = get(graph, "/docs", host="elsewhere.example")

    assert (first.status_code, first.headers["location"]) == (307, "/docs/")
    page = get(graph, "/docs/")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<h1" in page.text


def test_a_page_is_compressed_and_revalidated_and_a_hashed_file_is_cached(graph):
    page = get(graph, "/docs/schema.html", **{"accept-encoding": "br"})
    style = next((SITE / "assets/stylesheets/modern").glob("main.*.css")).name

    assert page.headers["content-encoding"] == "br"
    assert page.headers["cache-control"] == "no-cache"
    assert get(graph, "/docs/schema.html", **{"if-none-match": page.headers["etag"]}).status_code in {200, 304}
    again = {"accept-encoding": "br", "if-none-match": page.headers["etag"]}
    assert get(graph, "/docs/schema.html", **again).status_code == 304
    assert "immutable" in get(graph, f"/docs/assets/stylesheets/modern/{style}").headers["cache-control"]


def test_the_policy_allows_only_the_inline_texts_that_the_build_has_seen(graph):
    policy = dict(
        part.strip().split(" ", 1) for part in get(graph, "/docs/").headers["content-security-policy"].split(";")
    )

    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    for name in ("script-src", "style-src"):
        own, *inline = policy[name].split()
        assert own == "'self'"
        assert inline
        assert all(one.startswith("'sha256-") for one in inline)


@pytest.mark.parametrize(
    "path", ["/docs/../app.py", "/docs/..%2f..%2fapp.py", "/docs/%2e%2e/graphiql.py", "/docs/.gitignore"]
)
def test_no_file_outside_of_the_site_is_shown(graph, path):
    response = get(graph, path)

    assert response.status_code == 404 or b"import" not in response.content


@pytest.mark.parametrize("reason", [None, "The build of the documentation failed."])
def test_a_server_without_the_site_says_why(tmp_path, reason):
    if reason:
        (tmp_path / "missing.txt").write_text(f"{reason}\n")
    services = SimpleNamespace(settings=SimpleNamespace(server=SimpleNamespace(docs="everyone")))
    pages = DocsPages(tmp_path)

    async def app(scope, receive, send):
        await pages({**scope, "state": {"app_services": services}}, receive, send)

    async def asked():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://docs") as client:
            return await client.get("/docs/")

    response = asyncio.run(asked())

    assert response.status_code == 503
    assert (
        response.text
        == f"{reason or 'The documentation was never built in this checkout; its pages are the files in docs/.'}\n"
    )

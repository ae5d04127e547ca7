"""Static files: which representation a client gets, and for how long a browser keeps it."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import brotli
import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from api.pages.assets import Assets
from api.pages.siblings import write_siblings

HOUSE = Path(__file__).parents[3]
SCRIPT = "export const figure = 1;\n" * 100


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide" / "index.html").write_text("<p>guide</p>" * 200)
    (tmp_path / "page-3LAZEDYZ.js").write_text(SCRIPT)
    (tmp_path / "page.js").write_text(SCRIPT)
    (tmp_path / "small.js").write_text("1;")
    (tmp_path / "picture.png").write_bytes(bytes(5000))
    write_siblings(tmp_path)
    return tmp_path


@pytest.fixture
def client(folder) -> TestClient:
    return TestClient(Starlette(routes=[Mount("/files", Assets(folder, html=True))]), follow_redirects=False)


def raw(client: TestClient, path: str, accept_encoding: str) -> tuple[httpx.Response, bytes]:
    with client.stream("GET", path, headers={"Accept-Encoding": accept_encoding}) as answer:
        return answer, b"".join(answer.iter_raw())


@pytest.mark.parametrize(
    "accepted, used, decompress",
    [
        ("gzip, deflate, br, zstd", "br", brotli.decompress),
        ("gzip", "gzip", gzip.decompress),
        ("br;q=0.1, gzip;q=0.5", "gzip", gzip.decompress),
        ("br;q=0, gzip;q=0", None, bytes),
        ("identity", None, bytes),
    ],
)
def test_a_file_is_served_in_the_coding_that_the_client_prefers(client, accepted, used, decompress):
    answer, body = raw(client, "/files/page.js", accepted)

    assert answer.headers.get("content-encoding") == used
    assert decompress(body).decode() == SCRIPT
    assert int(answer.headers["content-length"]) == len(body)
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"


def test_each_representation_has_a_tag_of_its_own_and_gets_304(client):
    tags = {}
    for accepted in ("br", "gzip", "identity"):
        headers = {"Accept-Encoding": accepted}
        tags[accepted] = client.get("/files/page.js", headers=headers).headers["etag"]
        again = client.get("/files/page.js", headers=headers | {"If-None-Match": tags[accepted]})
        assert (again.status_code, again.content, again.headers["vary"]) == (304, b"", "Accept-Encoding")

    assert len(set(tags.values())) == 3


def test_a_sibling_that_is_older_than_its_file_is_not_served(client, folder):
    (folder / "page.js").write_text("new;" * 500)
    written = (folder / "page.js.br").stat().st_mtime + 2
    os.utime(folder / "page.js", (written, written))

    answer, body = raw(client, "/files/page.js", "br")

    assert "content-encoding" not in answer.headers
    assert body == b"new;" * 500


def test_only_a_name_with_a_hash_is_cached_without_a_time_limit(client):
    def caching(name: str) -> str:
        return client.get(f"/files/{name}").headers["cache-control"]

    assert caching("page-3LAZEDYZ.js") == "public, max-age=31536000, immutable"
    assert caching("page.js") == caching("guide/") == "no-cache"


@pytest.mark.parametrize("name", ["main.484c7ddc.min.css", "chunk-MBGNMWQT.js", "uplot-0b4bd2ba8ad6e6a9.mjs"])
def test_a_name_has_a_hash_of_a_bundler(folder, client, name):
    (folder / name).write_text("")

    assert "immutable" in client.get(f"/files/{name}").headers["cache-control"]


@pytest.mark.parametrize("name", ["how-to-accessed.html", "app.js", "page.acceded.js", "READ-ME-FIRST.txt"])
def test_an_ordinary_name_has_no_hash(folder, client, name):
    (folder / name).write_text("")

    assert client.get(f"/files/{name}").headers["cache-control"] == "no-cache"


def test_files_that_compression_does_not_help_have_no_sibling(folder):
    assert sorted(path.name for path in folder.iterdir() if path.suffix in {".br", ".gz"}) == [
        "page-3LAZEDYZ.js.br",
        "page-3LAZEDYZ.js.gz",
        "page.js.br",
        "page.js.gz",
    ]


def test_a_second_build_writes_only_what_has_changed(folder):
    def written() -> dict[str, int]:
        return {path.name: path.stat().st_ino for path in folder.glob("*.br")}

    before = written()
    write_siblings(folder)
    assert written() == before
    (folder / "page.js").unlink()
    write_siblings(folder)
    assert written() == {name: file for name, file in before.items() if name != "page.js.br"}
    assert not (folder / "page.js.gz").exists()


def test_the_address_of_a_folder_leads_to_its_page_whatever_host_the_client_names(client):
    answer = client.get("/files/guide", headers={"Host": "attacker.example"})

    assert (answer.status_code, answer.headers["location"]) == (307, "./guide/")
    assert client.get("/files/guide/").headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", ["/files/page.js", "/files/guide/", "/files/page.js.br"])
def test_every_file_has_the_headers_of_security(client, path):
    headers = client.get(path).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"].startswith("default-src 'none';")


def test_a_folder_may_have_a_policy_of_its_own(folder):
    files = Assets(folder, headers={"Content-Security-Policy": "default-src 'self'"})
    headers = TestClient(Starlette(routes=[Mount("/files", files)])).get("/files/page.js").headers

    assert headers["content-security-policy"] == "default-src 'self'"
    assert headers["x-content-type-options"] == "nosniff"


def test_a_file_outside_of_the_folder_is_not_served(client, folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "secret.js"
    outside.write_text("secret")
    (folder / "link.js").symlink_to(outside)

    assert client.get("/files/link.js").status_code == 404
    assert client.get(f"/files/..%2f{outside.parent.name}/secret.js").status_code == 404


def test_a_served_graph_has_its_bundle_compressed(edge):
    page = httpx.get(f"{edge.url}/graphql", headers={"Accept": "text/html"}).text
    script = page.split('src="')[1].split('"')[0]

    with httpx.stream("GET", f"{edge.url}{script}", headers={"Accept-Encoding": "br"}) as answer:
        body = b"".join(answer.iter_raw())

    assert answer.headers["content-encoding"] == "br"
    assert len(body) * 2 < len(brotli.decompress(body))


def test_a_build_of_its_own_environment_finds_the_compression(tmp_path):
    """hatchling loads the hook by its path, where no package of ours is installed."""
    hook = HOUSE / "api/pages/source/hatch_build.py"
    (tmp_path / "page.js").write_text(SCRIPT)
    program = (
        "import importlib.util, pathlib, sys\n"
        f"sys.path = [one for one in sys.path if one != {str(HOUSE)!r}]\n"
        "sys.meta_path = [one for one in sys.meta_path if 'editable' not in type(one).__module__]\n"
        f"spec = importlib.util.spec_from_file_location('hook', {str(hook)!r})\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        f"module.compress([pathlib.Path({str(tmp_path)!r})])\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path, timeout=60)

    assert brotli.decompress((tmp_path / "page.js.br").read_bytes()).decode() == SCRIPT

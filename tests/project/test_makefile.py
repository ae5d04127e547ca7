"""The Makefile gives its variables to the commands that they are for, and the files of its first tests exist."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.longest_first import ALONE, LONGEST

HOUSE = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(
    "environment, arguments, port",
    [
        ({}, [], "8000"),
        ({"BROKERGRAPH_PORT": "9000"}, [], "9000"),
        ({"BROKERGRAPH_PORT": "9000"}, ["PORT=9001"], "9001"),
    ],
    ids=["default", "O10", "argument"],
)
def test_demo_listens_on_the_port_of_the_environment(environment, arguments, port):
    variables = {name: value for name, value in os.environ.items() if name not in {"PORT", "BROKERGRAPH_PORT"}}
    done = subprocess.run(
        ["make", "--dry-run", "demo", *arguments],
        cwd=HOUSE,
        env=variables | environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert f"--port {port} " in done.stdout


def test_the_files_that_a_run_begins_with_exist():
    assert [file for file in (*LONGEST, *ALONE) if not (HOUSE / file).is_file()] == []

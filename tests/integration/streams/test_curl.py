"""The commands with curl that the documentation shows."""

import json
import re
import shutil
import subprocess

import pytest
from support.mutations import deposit
from support.served import HOUSE

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]


@pytest.mark.parametrize("page", ["README.md", "docs/subscriptions.md"])
async def test_curl_shows_the_events_of_a_deposit(graph, account, page):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed (Debian: apt-get install curl)")
    [command] = re.findall(r"```sh\n(curl -N .*?)```", (HOUSE / page).read_text(), re.DOTALL)
    command = command.replace("http://127.0.0.1:8000", graph.url)

    first, last = followed(command, lambda: deposit(graph, *account))

    assert first == ":\n"
    assert set(json.loads(last.removeprefix("data: "))["data"]["instructionEvents"]) == {"cursor", "event"}


def followed(command, act):
    """The first line, and the line of the confirmed deposit that is made after it."""
    with subprocess.Popen(["sh", "-c", f"exec {command}"], stdout=subprocess.PIPE, text=True) as curl:
        try:
            # The comment comes with the headers.
            first = curl.stdout.readline()
            act()
            return first, next(line for line in curl.stdout if '"CONFIRMED"' in line)
        finally:
            curl.kill()

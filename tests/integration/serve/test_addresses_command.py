"""O4: no command shows a piece of a database's password, whether its address can be read or not."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import traceback
from urllib.parse import quote

import pytest
from support.forked import forked
from support.served import PATIENCE_SECONDS, PROGRAM

from api.cli import main

# Each is read otherwise than it is meant by whatever looks for the first "#", "/", "?" or "@".
PASSWORDS = ["Secr3tPart#x7Yz", "6021/Qw9kVb3m", "6021?x7Yz=Qw9k", "x7Yz@Qw9kVb3m", "Qw9k%zzVb3m", "[Qw9kVb3m"]
IDENTITY = "7d444840-9dc0-11d1-b245-5ffdce74fad2"
COMMANDS = [
    ["check"],
    ["check", "--offline"],
    ["migrate"],
    ["serve", "--port", "0"],
    ["keys", "create", "acme", "--scope", "client:read"],
    ["keys", "list"],
    ["keys", "rotate", "k1"],
    ["keys", "revoke", "k1"],
    ["documents", "add", "acme", "{manifest}"],
    ["documents", "list"],
    ["documents", "check"],
    ["documents", "remove", "acme", "--all"],
    ["instructions", "list"],
    ["instructions", "show", IDENTITY],
    ["instructions", "resolve", IDENTITY, "--as", "CONFIRMED", "--decided-by", "A", "--confirmed-by", "B",
     "--reason", "ticket"],
    ["instructions", "verify"],
]  # fmt: skip


def run(words, addresses):
    """The command line once for each address, as a process would end: (exit code, what it wrote) in JSON lines."""
    log = os.dup(2)
    for address in addresses:
        os.environ["BROKERGRAPH_ERP__DATABASE_URL"] = address
        with tempfile.TemporaryFile() as written:
            os.dup2(written.fileno(), 1)
            os.dup2(written.fileno(), 2)
            code = ended(words)
            sys.stdout.flush()
            sys.stderr.flush()
            text = os.pread(written.fileno(), 1_000_000, 0).decode()
        os.write(log, json.dumps([code, text]).encode() + b"\n")


def ended(words):
    try:
        main(words)
    except SystemExit as end:
        return end.code or 0
    except BaseException:  # noqa: BLE001 - which a process would print.
        traceback.print_exc()
        return 1
    return 0


@pytest.fixture
def ask(tmp_path):
    """Runs a command with each of these addresses of the ERP's database: pairs of exit code and what it wrote."""
    (tmp_path / "manifest.json").write_text('{"a": "{ viewer { name } }"}')
    (tmp_path / "brokergraph.toml").write_text('[erp]\naccounting_currency = "ILS"\n')

    def ask(words, addresses):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BROKERGRAPH_")}
        config = {"BROKERGRAPH_CONFIG": f"{tmp_path}/brokergraph.toml"}
        said = [word.format(manifest=tmp_path / "manifest.json") for word in words]
        log = tmp_path / "written"
        process = forked(run, said, addresses, environment=clean | config, log=log)
        process.join(PATIENCE_SECONDS)
        process.kill()
        ends = [json.loads(line) for line in log.read_text().splitlines()]
        assert len(ends) == len(addresses)
        return ends

    return ask


def pieces(*texts):
    return {text[start : start + 4] for text in texts for start in range(len(text) - 3)}


def shown(password, text):
    return sorted(piece for piece in pieces(password, quote(password, safe="")) if piece in text)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_o4_a_password_that_is_not_encoded_stops_every_command_and_is_not_shown(ask, words):
    ends = ask(words, [f"postgresql://reader:{password}@127.0.0.1/erp" for password in PASSWORDS])

    for password, (code, text) in zip(PASSWORDS, ends, strict=True):
        assert code == 1, text
        assert "Traceback" not in text
        assert "percent-encode the password of erp.database_url" in text
        assert shown(password, text) == []


@pytest.mark.parametrize("words", [words for words in COMMANDS if words[0] != "serve"], ids=" ".join)
def test_o4_a_password_that_is_encoded_is_not_shown_where_nothing_listens(ask, words):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        written = [quote(password, safe="") for password in PASSWORDS]
        ends = ask(words, [f"postgresql://reader:{password}@127.0.0.1:{port}/erp" for password in written])

    for password, (code, text) in zip(PASSWORDS, ends, strict=True):
        assert (code == 0) is (words == ["check", "--offline"]), text
        assert shown(password, text) == []


@pytest.mark.parametrize("command", ["check", "migrate", "serve"])
def test_o4_the_program_itself_names_the_setting_and_no_piece_of_the_password(command):
    address = "postgresql://reader:Secr3tPart#x@127.0.0.1/erp"
    environment = os.environ | {"BROKERGRAPH_ERP__DATABASE_URL": address, "BROKERGRAPH_ERP__ACCOUNTING_CURRENCY": "ILS"}

    done = subprocess.run(
        [PROGRAM, command], env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )

    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert said.count("\n") == 1
    assert said.startswith("Error: Settings: erp.database_url: cannot be read: ")
    assert shown("Secr3tPart#x", said) == []

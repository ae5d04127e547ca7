"""Settings that would be unsafe or useless stop the start."""

from contextlib import AsyncExitStack

import msgspec
import pytest

from core.clock import Clock
from core.errors import ConfigError
from core.secret import Secret
from upstreams.vendors.kit.token_store import memory_tokens
from upstreams.vendors.kit.vendor import Opening
from upstreams.vendors.mt5_web import VENDOR
from upstreams.vendors.mt5_web.config import Mt5WebConfig

pytestmark = pytest.mark.anyio

GOOD = {"url": "https://mt5.example.com", "login": "1001", "password": "Password1"}
FINGERPRINT = "00112233445566778899AABBCCDDEEFF" * 2


def config_of(**changes) -> Mt5WebConfig:
    return msgspec.convert(GOOD | changes, Mt5WebConfig, dec_hook=lambda kind, value: kind(value))


async def connected(**changes):
    async with AsyncExitStack() as stack:
        opening = Opening(
            system=VENDOR.system,
            label=VENDOR.label,
            path="mt5_web.main",
            name="main",
            clock=Clock(),
            stack=stack,
            token_stores=memory_tokens,
            links=[],
        )
        return VENDOR.connect(opening, config_of(**changes))


@pytest.mark.parametrize(
    "changes,problem",
    [
        ({"version": 483}, ">= 484"),
        ({"agent": ""}, "without blanks"),
        ({"agent": "two words"}, "without blanks"),
        ({"fingerprint": "00"}, "64 hexadecimal digits"),
        ({"fingerprint": "x" * 64}, "64 hexadecimal digits"),
        ({"fingerprint": FINGERPRINT, "ca_file": "ca.pem"}, "exclude each other"),
        ({"insecure": True}, "unknown field"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused(changes, problem):
    with pytest.raises(msgspec.ValidationError, match=problem):
        config_of(**changes)


@pytest.mark.parametrize(
    "written", [FINGERPRINT, FINGERPRINT.lower(), ":".join([FINGERPRINT[n : n + 2] for n in range(0, 64, 2)])]
)
def test_a_fingerprint_may_have_colons_and_either_case(written):
    assert config_of(fingerprint=written).digest == bytes.fromhex(FINGERPRINT)


@pytest.mark.parametrize("url", ["http://mt5.example.com", "mt5.example.com"])
async def test_an_address_without_tls_is_refused(url):
    with pytest.raises(ConfigError) as refused:
        await connected(url=url)

    assert refused.value.path == "mt5_web.main.url"


async def test_a_ca_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigError) as refused:
        await connected(ca_file=str(tmp_path / "missing.pem"))

    assert refused.value.path == "mt5_web.main.ca_file"


async def test_a_connection_has_few_connections_for_reads_and_one_for_money():
    connection = await connected()

    assert (connection.reads.limits.max_in_flight, connection.money.limits.max_in_flight) == (3, 1)
    assert isinstance(connection.config.password, Secret)

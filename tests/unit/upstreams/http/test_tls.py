"""O5: a private certificate authority is trusted, and a failed handshake names its cause."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from support.certificates import DAY, PrivateCa

from upstreams.http.tls import tls_context, tls_failure

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def ca(tmp_path_factory) -> PrivateCa:
    return PrivateCa(tmp_path_factory.mktemp("ca"))


@asynccontextmanager
async def listening(context: ssl.SSLContext | None):
    async def answer(reader, writer):
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def failure_with(context: ssl.SSLContext | None, trusted: ssl.SSLContext) -> str | None:
    async with listening(context) as port:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusted)
        except OSError as error:
            wrapped = RuntimeError("as a library wraps it")
            wrapped.__cause__ = error
            return tls_failure(wrapped)
        writer.close()
    return None


async def test_o5_the_authority_of_a_ca_file_is_trusted(ca):
    assert await failure_with(ca.context(), tls_context(ca.ca_file)) is None


@pytest.mark.parametrize(
    "address, ends, is_known, cause",
    [
        ("127.0.0.1", DAY, False, "unknown CA"),
        ("127.0.0.2", DAY, True, "another host name"),
        ("127.0.0.1", -DAY, True, "has expired"),
    ],
)
async def test_o5_a_failed_handshake_names_its_cause(ca, address, ends: timedelta, is_known, cause):
    trusted = tls_context(ca.ca_file if is_known else None)

    assert cause in (await failure_with(ca.context(address, ends), trusted) or "")


async def test_o5_a_port_without_tls_is_named(ca):
    assert (await failure_with(None, tls_context()) or "").startswith("TLS: ")


async def test_o5_an_error_without_tls_has_no_tls_cause():
    assert tls_failure(ConnectionRefusedError()) is None


def test_o5_a_ca_file_that_cannot_be_used_is_named(tmp_path):
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate")

    with pytest.raises(ValueError, match=r"empty\.pem holds no certificate"):
        tls_context(empty)
    with pytest.raises(ValueError, match=r"missing\.pem cannot be read: No such file"):
        tls_context(tmp_path / "missing.pem")

"""The client of receivers that partners choose: where it connects, and what of an answer counts."""

import ipaddress

import pytest
from support.certificates import PrivateCa
from support.receivers import OK, Receiver, receiving, status, to_loopback

from core.secret import Secret
from upstreams.http.tls import tls_context
from upstreams.http.webhook_address import BadAddress, is_public, parse_webhook_url
from upstreams.http.webhook_client import WebhookClient, WebhookFailed

pytestmark = pytest.mark.anyio
HEADERS = {"webhook-id": "msg_1"}


async def post(receiver, *, seconds=5.0, resolve=to_loopback, allow_private=True, context=None):
    client = WebhookClient(
        allow_private=allow_private, total_seconds=seconds, resolve=resolve, context=context or tls_context()
    )
    try:
        return await client.post(Secret(receiver.url), HEADERS, b"{}")
    finally:
        client.close()


@pytest.mark.parametrize(
    "answer,found",
    [
        (OK, (200, None)),
        (status(204), (204, None)),
        (status(503, "retry-after: 7"), (503, 7.0)),
        (status(302, "location: https://127.0.0.1/"), (302, None)),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK, (200, None)),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000, (200, None)),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n" + b"x" * 1_000_000, (200, None)),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx", (200, None)),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\nx", (200, None)),
        (OK + OK, (200, None)),
    ],
    ids=[
        *("ok", "no content", "busy", "redirect", "interim", "endless", "too large", "cut off", "packed", "twice"),
    ],
)
async def test_the_status_counts_whatever_the_body_is(answer, found):
    async with receiving(Receiver(answer)) as receiver:
        assert await post(receiver) == found

    assert len(receiver.got) == 1
    assert receiver.got[0][0]["host"] == f"receiver.example:{receiver.port}"


async def test_a_body_that_does_not_end_does_not_change_the_status():
    begun = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"
    async with receiving(Receiver(begun, stays=True)) as receiver:
        assert await post(receiver, seconds=0.3) == (200, None)


@pytest.mark.parametrize(
    "answer,problem",
    [
        (None, "no answer in time"),
        (b"", "dropped the connection"),
        (b"no http\r\n\r\n", "dropped the connection"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000 + b"\r\n\r\n", "dropped the connection"),
    ],
    ids=["hangs", "hangs up", "no http", "large header"],
)
async def test_an_answer_without_a_status_is_a_failure(answer, problem):
    async with receiving(Receiver(answer)) as receiver:
        with pytest.raises(WebhookFailed, match=problem):
            await post(receiver, seconds=0.5)


async def test_the_certificate_must_be_for_the_name_and_not_for_the_address(tmp_path):
    ca = PrivateCa(tmp_path)
    trusted = tls_context(ca.ca_file)
    async with receiving(context=ca.context("receiver.example")) as receiver:
        assert await post(receiver, context=trusted) == (200, None)
        with pytest.raises(WebhookFailed, match="TLS"):
            await post(receiver)
    async with receiving(context=ca.context("127.0.0.1")) as receiver:
        with pytest.raises(WebhookFailed, match="another host name"):
            await post(receiver, context=trusted)


async def test_the_next_address_is_tried_if_one_accepts_no_connection():
    async def two(_host, _port):
        return ["127.0.0.2", "127.0.0.1"]

    async with receiving() as receiver:
        assert await post(receiver, resolve=two) == (200, None)


async def test_a_private_address_among_others_is_never_used():
    asked = []

    async def mixed(_host, port):
        asked.append(port)
        return ["127.0.0.1", "::1", "10.0.0.1"]

    async with receiving() as receiver:
        receiver.scheme = "https"
        with pytest.raises(WebhookFailed, match="private address"):
            await post(receiver, resolve=mixed, allow_private=False)

    assert (asked, receiver.got) == ([receiver.port], [])


async def test_a_name_without_addresses_is_a_failure():
    client = WebhookClient(allow_private=False, total_seconds=5)
    with pytest.raises(WebhookFailed, match=r"unknown host name|no answer in time"):
        await client.post(Secret("https://receiver.invalid/"), HEADERS, b"{}")
    client.close()


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "100.127.255.255", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "198.18.0.1"),
        *("::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::8.8.8.8", "fe80::1", "fe80::1%eth0", "fc00::1"),
        *("fd12::1", "fec0::1", "ff02::1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b:1::1", "2001:db8::1"),
        *("2001::1", "not an address", ""),
    ],
)
def test_no_address_is_public_that_leads_inside(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "2606:4700::1111"])
def test_addresses_of_the_internet_are_public(address):
    assert is_public(address)


def test_no_address_of_a_private_network_is_public():
    networks = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10",
                "224.0.0.0/4", "0.0.0.0/8", "fc00::/7", "fe80::/10", "ff00::/8", "::ffff:0:0/96"]  # fmt: skip
    for network in map(ipaddress.ip_network, networks):
        assert not is_public(str(network.network_address))
        assert not is_public(str(network.broadcast_address))


@pytest.mark.parametrize(
    "url",
    [
        *("http://partner.example/", "ftp://partner.example/", "partner.example", "", "https://", "https:///x"),
        *("https://user:CANARY@partner.example/", "https://partner.example/#CANARY", "https://partner.example:99999/"),
        *("https://127.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://10.0.0.1:8443/hook"),
        *("https://partner.example/\r\nx: y", "https://part ner.example/", "https://partner.example/" + "x" * 3000),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_quoting_it(url):
    with pytest.raises(BadAddress) as refused:
        parse_webhook_url(Secret(url), allow_private=False)

    assert "CANARY" not in str(refused.value)


def test_a_url_is_taken_apart_as_it_is_sent():
    address = parse_webhook_url(Secret("https://b\u00fccher.example:8443/a b?c=d&e=%20"), allow_private=False)

    assert (address.host, address.port) == ("xn--bcher-kva.example", 8443)
    assert address.authority == b"xn--bcher-kva.example:8443"
    assert address.target == b"/a%20b?c=d&e=%20"
    assert "example" not in repr(address)

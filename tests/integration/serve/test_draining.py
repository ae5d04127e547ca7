"""After TERM the server is not ready, and serves until load balancers have noticed."""

import http.client
import json
import signal
import socket
import threading
import time

import pytest
import websockets.sync.client
from support.served import QUERY, serving
from support.streams import EVENTS, SUBPROTOCOL

DRAINING = {"BROKERGRAPH_SERVER__DRAIN_SECONDS": "2"}


def post(connection, key, query=QUERY, **headers):
    sent = {"content-type": "application/json", "authorization": f"Bearer {key}", **headers}
    connection.request("POST", "/graphql", json.dumps({"query": query}), sent)
    return connection.getresponse()


def connect(served):
    return http.client.HTTPConnection(*served.address.removeprefix("http://").split(":"), timeout=20)


def wait_until_draining(served):
    deadline = time.monotonic() + 20
    while served.get("/readyz") != (503, b'{"ready":false,"stopping":true}'):
        assert time.monotonic() < deadline


def wait_until_refused(host, port):
    try:
        while True:
            socket.create_connection((host, port)).close()
    except (ConnectionRefusedError, ConnectionResetError):
        # A connection that waits in the queue of the listener is reset.
        pass


class Caller(threading.Thread):
    """Sends one request after the other, each on a new connection, until a connection is refused."""

    def __init__(self, served, key):
        super().__init__(daemon=True)
        self.served, self.key = served, key
        self.answers, self.lost = 0, []
        self.refused_at = None

    def run(self):
        while self.refused_at is None:
            connection = connect(self.served)
            try:
                connection.connect()
            except ConnectionRefusedError:
                self.refused_at = time.monotonic()
                return
            try:
                assert json.load(post(connection, self.key))["data"]["client"]
                self.answers += 1
            except (OSError, http.client.HTTPException) as error:
                self.lost.append((time.monotonic(), error))
            finally:
                connection.close()
            # The log goes into a pipe that is read at the end.
            time.sleep(0.1)


@pytest.mark.parametrize("workers", [1, 2], ids=["one process", "two workers"])
def test_requests_are_served_between_the_signal_and_the_end(acme, workers):
    with serving(acme.operator.having(**DRAINING), "--workers", str(workers)) as served:
        kept = connect(served)
        assert post(kept, acme.key).read()
        callers = [Caller(served, acme.key) for _ in range(2)]
        for caller in callers:
            caller.start()
        served.process.send_signal(signal.SIGTERM)
        wait_until_draining(served)
        before = [caller.answers for caller in callers]
        answer = post(kept, acme.key)
        assert (answer.status, answer.getheader("connection")) == (200, "close")
        assert json.load(answer)["data"]["client"]
        # A service manager may repeat the signal.
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert all(caller.answers > count for caller, count in zip(callers, before, strict=True))
        stopped = served.process.wait(30)
        for caller in callers:
            caller.join(20)
        kept.close()

    assert stopped == 0
    # A connection that waits in the listener's queue at the very end is lost, which load balancers no longer open.
    assert all(len(caller.lost) <= 1 for caller in callers)


@pytest.fixture
def stopping(acme):
    """A server that has just closed its listener, and a connection to it that has not sent a request. No stream lasts
    until the time-out of the stop.
    """
    with serving(acme.operator.having(BROKERGRAPH_SERVER__DRAIN_SECONDS="0")) as served:
        fresh = connect(served)
        fresh.connect()
        # The server has accepted the fresh connection before this one, which it answers.
        assert served.get("/livez")[0] == 200
        served.process.send_signal(signal.SIGTERM)
        wait_until_refused(fresh.host, fresh.port)
        yield fresh
        fresh.close()
        assert served.process.wait(30) == 0
        assert "graceful shutdown exceeded" not in served.process.stderr.read()


def test_the_first_request_of_a_new_connection_is_answered_after_the_listener_has_closed(acme, stopping):
    answer = post(stopping, acme.key)

    assert answer.getheader("connection") == "close"
    assert json.load(answer)["data"]["client"]


@pytest.fixture
def reader(acme):
    return acme.operator.run_here("keys", "create", "late", "--scope", "instruction:read").stdout.strip()


def test_an_event_stream_that_begins_while_the_server_stops_completes(reader, stopping):
    answer = post(stopping, reader, EVENTS, accept="text/event-stream")

    assert answer.read().endswith(b"event: complete\ndata:\n\n")


def test_a_websocket_that_begins_while_the_server_stops_is_told_to_connect_again(stopping):
    address = f"ws://{stopping.host}:{stopping.port}/graphql"
    wire = websockets.sync.client.connect(address, sock=stopping.sock, subprotocols=[SUBPROTOCOL])
    with wire, pytest.raises(websockets.ConnectionClosed) as end:
        wire.recv(timeout=20)

    assert end.value.rcvd.code == 1012


def test_a_stream_continues_until_the_end_and_then_completes(acme):
    with serving(acme.operator.having(**DRAINING)) as served:
        key = acme.operator.run_here("keys", "create", "drained", "--scope", "instruction:read").stdout.strip()
        connection = connect(served)
        answer = post(connection, key, EVENTS, accept="text/event-stream")
        assert answer.readline() == b":\n"
        served.process.send_signal(signal.SIGTERM)
        wait_until_draining(served)
        rest = answer.read()
        connection.close()
        stopped = served.process.wait(30)

    assert rest.endswith(b"event: complete\ndata:\n\n")
    assert stopped == 0


def test_an_interrupt_ends_the_server_at_once(acme):
    with serving(acme.operator.having(BROKERGRAPH_SERVER__DRAIN_SECONDS="3600")) as served:
        assert served.stop(signal.SIGINT) == 0


def test_an_interrupt_ends_a_server_that_is_draining(acme):
    with serving(acme.operator.having(BROKERGRAPH_SERVER__DRAIN_SECONDS="3600")) as served:
        served.process.send_signal(signal.SIGTERM)
        wait_until_draining(served)
        assert served.stop(signal.SIGINT) == 0

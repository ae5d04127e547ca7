"""The handshake byte by byte, and the check of the server's answer."""

import json

import pytest

from core.errors import System, Unavailable
from core.secret import Secret
from upstreams.http.failures import Failures
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.mt5_web.config import Mt5WebConfig
from upstreams.vendors.mt5_web.handshake import Handshake, password_hash, prove

pytestmark = pytest.mark.anyio

# The vendor's own example, and one with letters that are not ASCII: password, challenge, answer.
VECTORS = [
    ("Password1", "73007dc7184747ce0f7c98516ef1c851", "77fe51827f7fa69dd80fbec9aa33f1bb"),
    ("Password1", "4db98fec17aab4dc5a240bdc659e8395", "1732021b1b332f51660b2b315eed3a35"),
    ("Ключ#2026a", "00112233445566778899aabbccddeeff", "4045b2505290604473d46f39f118df21"),
    ("Ключ#2026a", "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "7287b5dbc723cbc8d572cdadfed8716d"),
]
CHALLENGE = VECTORS[0][1]


def said(status: int = 200, **members: str) -> HttpAnswer:
    return HttpAnswer(status, {}, json.dumps({"retcode": "0 Done"} | members).encode())


class Server:
    """Answers the two steps of the handshake, and notes what it was asked."""

    def __init__(self, *answers: HttpAnswer, proof: str | None = None) -> None:
        self._answers = list(answers)
        self._proof = proof
        self.asked: list[tuple[str, dict[str, str]]] = []

    async def __call__(self, request):
        self.asked.append((request.path.partition("?")[0], dict(request.values)))
        if self._answers:
            return self._answers.pop(0)
        ours = bytes.fromhex(request.values["challenge"])
        return said(cli_rand_answer=self._proof or prove(password_hash("Password1"), ours))


async def shake(server: Server) -> None:
    config = Mt5WebConfig(url="https://mt5.example.com", login="1001", password=Secret("Password1"), agent="us")
    await Handshake(config, Failures(System("MT5_WEB"), "main")).begin(server)


def test_the_hash_of_the_vendors_password_is_the_vendors():
    assert password_hash("Password1").hex() == "904ba8ecb16273d2f0ae9c3b8a023752"


@pytest.mark.parametrize("password,challenge,answer", VECTORS)
def test_a_challenge_is_answered_as_in_the_vectors(password, challenge, answer):
    assert prove(password_hash(password), bytes.fromhex(challenge)) == answer


async def test_both_sides_prove_that_they_know_the_password():
    server = Server(said(srv_rand=CHALLENGE))

    await shake(server)

    (start, values), (answer, proof) = server.asked
    assert (start, values) == ("/api/auth/start", {"version": "4000", "agent": "us", "login": "1001"})
    assert (answer, proof["proof"]) == ("/api/auth/answer", VECTORS[0][2])
    assert len(proof["challenge"]) == 32


async def test_each_handshake_has_a_new_challenge():
    servers = [Server(said(srv_rand=CHALLENGE)) for _ in range(2)]

    for server in servers:
        await shake(server)

    assert len({server.asked[1][1]["challenge"] for server in servers}) == 2


@pytest.mark.parametrize("proof", ["0" * 32, "", "x", VECTORS[0][2], "\u0661"])
async def test_a_server_that_does_not_know_the_password_is_refused(proof):
    answers = [said(srv_rand=CHALLENGE), said(cli_rand_answer=proof)]

    with pytest.raises(Unavailable, match="did not prove that it knows our password"):
        await shake(Server(*answers))


async def test_a_proof_in_capitals_is_a_proof():
    class Loud(Server):
        async def __call__(self, request):
            answer = await super().__call__(request)
            step = json.loads(answer.body)
            return said(**{name: value.upper() for name, value in step.items() if name != "retcode"})

    await shake(Loud(said(srv_rand=CHALLENGE)))


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize(
    "answer,code,words",
    [
        (said(403), "403", "refuses our credentials"),
        (said(401), "401", "refuses our credentials"),
        (said(retcode="1001 Invalid account"), "1001", "refuses our credentials"),
        (said(retcode="1012 IP unallowed"), "1012", "refuses our credentials"),
        (said(retcode="1018 busy"), "1018", "is busy"),
        (said(retcode="11 Service is not available"), "11", "reported an error"),
        (HttpAnswer(200, {}, b"<html>"), None, "cannot be read"),
        (HttpAnswer(200, {}, b"{}"), None, "cannot be read"),
        (said(retcode="Done"), None, "cannot be read"),
    ],
)
async def test_a_refusal_is_read_at_either_step(step, answer, code, words):
    with pytest.raises(Unavailable, match=words) as refused:
        await shake(Server(*[said(srv_rand=CHALLENGE)] * step, answer))

    assert refused.value.upstream_code == code
    assert "Password1" not in f"{refused.value!r} {refused.value.detail}"


@pytest.mark.parametrize("challenge", ["", "73007d", "x" * 32, CHALLENGE * 2])
async def test_a_challenge_that_has_not_16_bytes_is_not_answered(challenge):
    server = Server(said(srv_rand=challenge))

    with pytest.raises(Unavailable, match="cannot be read"):
        await shake(server)

    assert len(server.asked) == 1

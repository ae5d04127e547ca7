"""The stand-in of an MT5 access server behaves as the vendor documents."""

import hashlib
import http.client
import json
import select
import time
from contextlib import closing
from urllib.parse import quote, urlsplit

import pytest

from sandbox.settings import MT5_WEB_LOGIN, MT5_WEB_PASSWORD
from upstreams.http.tls import pinned_context

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

START = f"/api/auth/start?version=484&agent=test&login={MT5_WEB_LOGIN}&type=manager"
OURS = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


class Connection:
    """One TCP connection with a session of its own."""

    def __init__(self, box) -> None:
        parts = urlsplit(box.urls["mt5_web"])
        self._http = http.client.HTTPSConnection(parts.hostname, parts.port, context=pinned_context(), timeout=10)

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, body: dict | None = None):
        """The status, and the JSON of an answer that has some."""
        method = "GET" if body is None else "POST"
        self._http.request(method, path, None if body is None else json.dumps(body))
        answer = self._http.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if answer.status == 200 else content.decode()

    def until_closed(self) -> None:
        """Nothing else but the end of the connection can be read now."""
        assert select.select([self._http.sock], [], [], 30)[0]

    def said(self, path: str, body: dict | None = None):
        status, content = self.get(path, body)
        assert status == 200, content
        return content

    def sign_in(self, password: str = MT5_WEB_PASSWORD):
        hashed = md5(md5(password.encode("utf-16-le")) + b"WebAPI")
        challenge = self.said(START)["srv_rand"]
        return self.get(
            f"/api/auth/answer?srv_rand_answer={md5(hashed + bytes.fromhex(challenge)).hex()}&cli_rand={OURS}"
        )


def md5(content: bytes) -> bytes:
    return hashlib.md5(content).digest()


@pytest.fixture
def fresh(box):
    with closing(Connection(box)) as connection:
        yield connection


@pytest.fixture
def known(fresh):
    assert fresh.sign_in()[0] == 200
    return fresh


@pytest.fixture
async def login(database) -> int:
    return await database.fetchval(
        "SELECT login FROM platform.account WHERE server = 'M1' AND enabled ORDER BY login LIMIT 1"
    )


def test_without_a_session_every_command_is_forbidden(fresh):
    for path in ("/api/test/access", "/api/user/get?login=1", "/api/trade/balance?login=1&type=2&balance=1"):
        assert fresh.get(path)[0] == 403


def test_a_session_belongs_to_its_connection(box, known):
    with closing(Connection(box)) as other:
        assert other.get("/api/test/access")[0] == 403
    assert known.said("/api/test/access") == {"retcode": "0 Done"}


def test_the_server_proves_that_it_knows_the_password(fresh):
    hashed = md5(md5(MT5_WEB_PASSWORD.encode("utf-16-le")) + b"WebAPI")

    status, answer = fresh.sign_in()

    assert (status, answer["cli_rand_answer"]) == (200, md5(hashed + bytes.fromhex(OURS)).hex())


def test_a_wrong_password_begins_no_session(fresh):
    assert fresh.sign_in("Wrong#2026a")[0] == 403
    assert fresh.get("/api/test/access")[0] == 403


def test_a_challenge_is_good_once(fresh):
    challenge = fresh.said(START)["srv_rand"]
    hashed = md5(md5(MT5_WEB_PASSWORD.encode("utf-16-le")) + b"WebAPI")
    proof = f"/api/auth/answer?srv_rand_answer={md5(hashed + bytes.fromhex(challenge)).hex()}&cli_rand={OURS}"

    assert [fresh.get(proof)[0], fresh.get(proof)[0]] == [200, 403]


@pytest.mark.parametrize(
    "change,code",
    [
        ("version=483", "1010 Old version"),
        ("agent=two%20words", "3 Invalid parameters"),
        ("type=administrator", "3 Invalid parameters"),
        ("login=7", "1001 Invalid account"),
    ],
)
def test_a_client_that_signs_in_wrongly_is_refused(fresh, change, code):
    name = change.partition("=")[0]
    query = "&".join(change if one.startswith(f"{name}=") else one for one in START.partition("?")[2].split("&"))

    assert fresh.said(f"/api/auth/start?{query}")["retcode"] == code


def test_an_idle_connection_is_closed(box, known):
    box.tell("mt5_web", "/settings", {"idle_seconds": 0.2})
    known.said("/api/test/access")
    known.until_closed()

    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        known.get("/api/test/access")


def test_a_session_ends_with_quit(known):
    known.said("/api/quit")

    assert known.get("/api/test/access")[0] == 403


def scalars(content):
    if isinstance(content, dict):
        content = content.values()
    if isinstance(content, str | int | float):
        return [content]
    return [scalar for one in content for scalar in scalars(one)]


async def test_all_scalars_are_text(known, login):
    for path in (f"/api/user/get?login={login}", f"/api/user/account/get_batch?login={login}", "/api/time/server"):
        answer = known.said(path)
        assert next(iter(answer)) == "retcode"
        assert all(isinstance(one, str) for one in scalars(answer))


async def test_an_idle_account_has_no_trading_state(known, database):
    rows = await database.fetch(
        "SELECT login, margin, floating FROM platform.account WHERE server = 'M1' ORDER BY login"
    )
    everything = ",".join(str(row["login"]) for row in rows)

    users = known.said(f"/api/user/get_batch?login={everything},12345")["answer"]
    states = known.said(f"/api/user/account/get_batch?login={everything},12345")["answer"]

    active = {str(row["login"]) for row in rows if row["margin"] or row["floating"]}
    assert {one["Login"] for one in users} == {str(row["login"]) for row in rows}
    assert {one["Login"] for one in states} == active


@pytest.mark.parametrize("query", ["", "login=x", "login=1&group=a", "login=1,,2"])
def test_a_batch_is_by_logins_or_by_groups(known, query):
    assert known.said(f"/api/user/get_batch?{query}")["retcode"] == "3 Invalid parameters"


@pytest.mark.parametrize("written", ["real%5Cdirect", "real%5C%5Cdirect"])
def test_a_group_may_have_its_backslash_doubled(known, written):
    found = known.said(f"/api/group/get?group={written}")

    expected = "USD" if written.count("%5C") == 1 else None
    assert (found.get("answer") or {}).get("Currency") in {expected, "USD"}


@pytest.mark.parametrize(
    "query,code",
    [
        ("type=2&balance=0.10&comment=BG", "0"),
        ("type=7&balance=1", "3"),
        ("type=2&balance=1e3", "3"),
        ("type=2&balance=1000000000.01", "4005"),
        ("type=2&balance=-999999999", "10019"),
        ("type=3&balance=-999999999&check_margin=0", "10019"),
    ],
)
async def test_an_operation_on_the_balance_has_the_documented_codes(known, login, query, code):
    assert known.said(f"/api/trade/balance?login={login}&{query}", {})["retcode"].split(" ")[0] == code


def test_an_operation_on_an_unknown_account_is_not_found(known):
    assert known.said("/api/trade/balance?login=12345&type=2&balance=1", {})["retcode"] == "13 Not found"


async def test_a_comment_has_31_characters_and_a_plus_stays_a_plus(known, login, database):
    ticket = known.said(f"/api/trade/balance?login={login}&type=2&balance=0.01&comment=a+b{'x' * 40}", {})
    ticket = int(ticket["answer"]["Ticket"])

    stored = await database.fetchval("SELECT comment FROM platform.deal WHERE server = 'M1' AND ticket = $1", ticket)
    assert stored == "a+b" + "x" * 28


async def test_a_page_of_deals_has_100_at_most(known, login):
    known.said(f"/api/trade/balance?login={login}&type=2&balance=0.01", {})
    window = f"login={login}&from=0&to=99999999999"

    total = int(known.said(f"/api/deal/get_total?{window}")["answer"]["Total"])
    page = known.said(f"/api/deal/get_page?{window}&offset={total - 1}&total=100")["answer"]

    assert [one["Login"] for one in page] == [str(login)]
    assert known.said(f"/api/deal/get_page?{window}&offset=0&total=101")["retcode"] == "3 Invalid parameters"


@pytest.mark.parametrize("minutes", [180, -60])
def test_the_clock_is_wall_clock_written_as_utc(box, known, minutes):
    box.tell("mt5_web", "/settings", {"clock_minutes": minutes})

    stamp, _, text = known.said("/api/time/server")["answer"]["Time"].partition(" ")

    assert abs(int(stamp) - time.time() - minutes * 60) < 60
    assert time.strftime("%Y.%m.%d %H:%M:%S", time.gmtime(int(stamp))) == text


@pytest.mark.parametrize(
    "body,query,code",
    [
        ({"PassMain": "Aa1#aaaa", "PassInvestor": "Aa1#aaaa"}, "", "0"),
        ({"PassMain": "Aa1aaaaa", "PassInvestor": "Aa1#aaaa"}, "", "3006"),
        ({"PassMain": "Aa1#", "PassInvestor": "Aa1#aaaa"}, "", "3006"),
        ({"PassMain": "Aa1#aaaa"}, "", "3006"),
        ({"PassMain": "Aa1#aaaa", "PassInvestor": "Aa1#aaaa", "Group": "nothing"}, "", "8"),
        ({"PassMain": "Aa1#aaaa", "PassInvestor": "Aa1#aaaa"}, "&leverage=x", "3"),
    ],
)
def test_a_new_account_has_the_documented_codes(known, body, query, code):
    group = quote("real\\direct", safe="")
    path = f"/api/user/add?group={group}&name=Dana%20Levi&leverage=100{query}"

    answer = known.said(path, body)

    assert answer["retcode"].split(" ")[0] == code
    if code == "0":
        login = answer["login"]
        assert login == answer["answer"]["Login"]
        assert known.said(f"{path}&login={login}", body)["retcode"].split(" ")[0] == "3004"


# Trades


@pytest.fixture
async def trading(database):
    """A login with an open position and a closed one."""
    query = """SELECT o.login FROM platform.open_trade o JOIN platform.closed_trade c USING (server, login)
               WHERE o.server = 'M1' ORDER BY o.login LIMIT 1"""
    return await database.fetchval(query)


WINDOW = "from=0&to=99999999999"


async def test_lists_have_text_scalars_and_the_documented_names(known, trading):
    lists = {
        f"/api/position/get_batch?login={trading}": {"Position", "Symbol", "Action", "VolumeExt", "PriceSL", "Storage"},
        f"/api/deal/get_batch?login={trading}&{WINDOW}": {"Deal", "Entry", "PositionID", "DigitsCurrency", "TimeMsc"},
        f"/api/daily/get_batch?login={trading}&from=1735689600&to=1737000000": {"DatetimePrev", "ProfitEquity"},
    }
    for path, names in lists.items():
        rows = known.said(path)["answer"]
        assert rows
        for row in rows:
            assert names <= row.keys()
            assert row["Login"] == str(trading)
            assert {type(value) for value in row.values()} == {str}


async def test_unknown_logins_have_no_rows(known, trading):
    for path in ("position/get_batch?", f"deal/get_batch?{WINDOW}&", "daily/get_batch?from=1735689600&to=1737000000&"):
        alone = known.said(f"/api/{path}login={trading}")["answer"]
        assert known.said(f"/api/{path}login={trading},12345")["answer"] == alone
        assert known.said(f"/api/{path}login=12345") == {"retcode": "0 Done", "answer": []}


@pytest.mark.parametrize(
    "path",
    [
        "position/get_batch",
        "position/get_batch?login=1&group=x",
        "deal/get_batch?login=1",
        "deal/get_batch?login=1&from=0",
        "daily/get_batch?login=1&from=x&to=1",
        "daily_get?login=1,2&from=0&to=1",
    ],
)
def test_a_list_without_its_parameters_is_refused(known, path):
    assert known.said(f"/api/{path}")["retcode"] == "3 Invalid parameters"


async def test_the_deals_of_all_paths_are_the_same(known, trading):
    batch = known.said(f"/api/deal/get_batch?login={trading}&{WINDOW}")["answer"]
    page = known.said(f"/api/deal/get_page?login={trading}&{WINDOW}&offset=0&total=100")["answer"]

    assert sorted(batch, key=lambda one: int(one["Deal"])) == page
    assert known.said(f"/api/deal/get_total?login={trading}&{WINDOW}")["answer"] == {"Total": str(len(batch))}


async def test_the_older_path_has_the_reports_of_one_login(known, trading):
    window = "from=1735689600&to=1737000000"

    assert known.said(f"/api/daily_get?login={trading}&{window}") == known.said(
        f"/api/daily/get_batch?login={trading}&{window}"
    )


async def test_a_report_has_its_time_by_the_servers_clock_and_in_utc(known, trading):
    [report, *_] = known.said(f"/api/daily/get_batch?login={trading}&from=1735689600&to=1737000000")["answer"]

    utc = int(report["Timestamp"]) // 10_000_000 - 11_644_473_600
    assert time.strftime("%H:%M:%S", time.gmtime(int(report["DatetimePrev"]))) == "23:59:59"
    # Athens is two or three hours ahead.
    assert int(report["DatetimePrev"]) - utc in {7200, 10800}

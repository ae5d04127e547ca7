"""The dashboard in Chromium that reaches only the demo, where only trusted documents run.

The fifteen main actions:
 1 sign in, also after a key that is refused
 2 search for a client
 3 filter by status and agency
 4 sort by the total balance
 5 turn the pages
 6 read a client: statuses, balances with bars
 7 watch live figures and their age
 8 choose an account: equity by day, open positions, closed trades
 9 deposit
10 reload in the middle of a deposit
11 send again after an answer was lost
12 withdraw an amount that needs an approval
13 approve by a second key
14 follow the instructions of all clients, and read what resolves one in doubt
15 read the health of the upstreams
"""

import json
import re
import uuid
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import anyio
import pytest
from playwright.sync_api import Route, WebSocketRoute, expect
from support.boxes import RunningBox
from support.dashboards import SHIFTS, Dashboard
from support.demos import running_demo
from support.ledgers import new_deposit, receive
from support.served import execute, query
from support.sign_ins import CLIENT, SignInIssuer, signing_in

from api.documents.dashboard import dashboard_documents
from api.services import open_state
from api.settings.settings import load_settings
from core.secret import Secret
from upstreams.services import StateStores
from upstreams.state.api_keys import KeyRecord
from upstreams.state.instructions import Transition

pytestmark = pytest.mark.timeout(180)
# Half of it is what the issue allows: the charts' library comes later.
FIRST_LOAD_BYTES = 150_000
AMOUNT = re.compile(r"^-?[\d,]+\.\d+$")
# A vendor that hangs is seen to hang after seconds, and is asked again as soon as it answers.
HASTE = {
    f"{vendor}__LIMITS__{name}": value
    for vendor in ("CPLUGIN__MAIN", "BROKER_WORK__MAIN")
    for name, value in (("READ_TIMEOUT_SECONDS", "2"), ("BREAKER_OPEN_SECONDS", "0.05"), ("BREAKER_FAILURES", "1000"))
}


@dataclass(frozen=True)
class World:
    address: str
    box: RunningBox
    issuer: SignInIssuer

    def store(self, change: Callable[[StateStores], Awaitable[object]]) -> None:
        """Change the state database. In a thread, because playwright has a loop of its own in this one."""

        async def use() -> None:
            async with open_state(load_settings(self.box.settings_path, {})) as stores:
                await change(stores)

        with ThreadPoolExecutor(1) as thread:
            thread.submit(anyio.run, use).result()


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    data = tmp_path_factory.mktemp("dashboard")
    with signing_in() as issuer:
        staff = {"SCOPES": '{ desk = ["client:read", "balance:read"] }', "DASHBOARD_CLIENT_ID": CLIENT}
        settings = issuer.settings | {f"AUTH__OIDC__staff__{name}": value for name, value in staff.items()} | HASTE
        with running_demo(data, "--control", **settings, DOCUMENTS__MODE="enforce") as address:
            facts = json.loads((data / "ready.json").read_text())
            yield World(address, RunningBox(**facts | {"settings_path": Path(facts["settings_path"])}), issuer)


@pytest.fixture
def well_behaved(world) -> Iterator[RunningBox]:
    world.box.reset()
    yield world.box
    world.box.reset()


@pytest.fixture
def dashboard(world, context) -> Dashboard:
    return Dashboard(context, world.address)


@pytest.fixture
def signed_in(dashboard) -> Dashboard:
    dashboard.sign_in()
    return dashboard


def test_a_refused_key_is_said_and_a_valid_one_leads_to_the_clients(dashboard):
    dashboard.open()
    expect(dashboard.page.get_by_label("API key")).to_have_value("demo-operator")
    dashboard.page.get_by_label("API key").fill("not-a-key")
    dashboard.page.get_by_role("button", name="Sign in", exact=True).click()
    expect(dashboard.page.get_by_role("alert")).to_have_text("This key is not valid.")

    dashboard.sign_in()
    dashboard.page.reload()

    expect(dashboard.rows("Clients")).to_have_count(25)
    stored = dashboard.page.evaluate("() => [JSON.stringify(sessionStorage), JSON.stringify(localStorage)]")
    assert ["demo-operator" in one for one in stored] == [True, False]
    dashboard.page.get_by_role("button", name="Sign out").click()
    expect(dashboard.page.get_by_label("API key")).to_be_visible()
    assert dashboard.page.evaluate("() => JSON.stringify(sessionStorage)") == "{}"


def test_an_issuer_signs_in_by_code_and_proof_key(world, dashboard):
    dashboard.open("health")

    dashboard.page.get_by_role("button", name="Sign in with staff").click()

    expect(dashboard.heading("Upstreams")).to_be_visible()
    assert dashboard.page.url == f"{world.address}/#/health"
    assert world.issuer.asked_for["code_challenge_method"] == "S256"
    assert [one["client_id"] for one in world.issuer.exchanged] == [CLIENT]
    assert dashboard.problems == []


@pytest.mark.parametrize("wrong", ["state", "nonce"])
def test_an_answer_to_another_sign_in_is_refused(world, dashboard, monkeypatch, wrong):
    monkeypatch.setattr(world.issuer, wrong, "another")
    dashboard.open()

    dashboard.page.get_by_role("button", name="Sign in with staff").click()

    expect(dashboard.page.get_by_role("alert")).to_have_text("The sign-in failed. Try again.")
    assert dashboard.page.evaluate("() => sessionStorage.length") == 0


def test_an_issuer_that_gives_no_token_leads_back_to_the_sign_in(world, dashboard, monkeypatch):
    monkeypatch.setattr(world.issuer, "tokens", lambda _form: {"error": "server_error"})
    dashboard.open()
    dashboard.page.get_by_role("button", name="Sign in with staff").click()
    expect(dashboard.page.get_by_role("alert")).to_have_text("The sign-in failed. Try again.")

    dashboard.page.reload()

    expect(dashboard.page.get_by_label("API key")).to_be_visible()
    assert dashboard.problems == []


def test_clients_are_searched_filtered_sorted_and_paged(signed_in):
    page, rows = signed_in.page, signed_in.rows("Clients")
    expect(page.get_by_text("Clients: 311", exact=True)).to_be_visible()

    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("button", name="Previous")).to_be_enabled()
    first = rows.nth(0).inner_text()
    page.get_by_role("button", name="Previous").click()
    expect(rows.nth(0)).not_to_have_text(first)

    page.get_by_role("button", name="Total balance").click()
    page.get_by_role("button", name="Total balance").click()
    expect(page).to_have_url(re.compile("sort=TOTAL_FLOATING_BALANCE.DESC"))
    expect(rows.nth(0).locator(".num").last).to_have_text(
        re.compile(r"^\d{2},\d{3},\d{3}\.\d{2} ILS|^\d,\d{3},\d{3}\.\d{2} ILS")
    )

    page.get_by_label("Status").select_option("REAL")
    page.get_by_label("Agency").select_option("0")
    page.get_by_label("Search").fill("noa ben")
    expect(rows).to_have_count(1)
    # The address has all of it, so that a reload changes nothing.
    page.reload()
    expect(rows).to_have_count(1)
    expect(rows.nth(0)).to_contain_text("72,888.65 ILS")
    page.get_by_label("Search").fill("nobody has this name")
    expect(page.get_by_text("No client matches.")).to_be_visible()


def test_a_client_shows_statuses_balances_live_figures_and_trades(world, signed_in):
    signed_in.page.get_by_label("Search").fill("500608")
    signed_in.page.get_by_role("link", name="Noa Ben-David").click()

    expect(signed_in.heading("Noa Ben-David")).to_be_visible()
    expect(signed_in.rows("Balances")).to_have_count(4)
    expect(signed_in.rows("Balances").nth(0)).to_contain_text("0.10790961")
    live = signed_in.account("61436").locator("td.number")
    expect(live.nth(1)).to_have_text(AMOUNT)
    expect(signed_in.account("61436").locator("td.age")).to_have_text(re.compile(r"^\d+ s$"))
    expect(signed_in.page.locator(".plot canvas")).to_be_visible()
    expect(signed_in.rows("Open positions")).to_have_count(2)
    signed_in.page.get_by_role("button", name="3004272").click()
    expect(signed_in.heading("Account 3004272 L1")).to_be_visible()
    expect(signed_in.page.get_by_text("The server's vendor does not offer this.")).to_have_count(3)
    assert signed_in.hosts == {world.address.removeprefix("http://")}
    assert signed_in.problems == []


@pytest.mark.parametrize("number", ["abc", "99999999999999", "__proto__"])
def test_a_link_without_a_number_of_a_client_says_so(signed_in, number):
    signed_in.open(f"clients/{number}")

    expect(signed_in.page.get_by_text("There is no such client, or your key may not see it.")).to_be_visible()


HOSTILE = """<img src=x onerror="globalThis.ran = 1">'"><script>globalThis.ran = 1</script>"""
NAMES = {500014: HOSTILE, 500021: "W" * 1000, 500030: "", 500031: "__proto__"}


@pytest.fixture
def hostile_names(world) -> Iterator[None]:
    change = "UPDATE hyper.clients SET client_full_name = $2, email = $3 WHERE client_number = $1"
    read = "SELECT client_full_name, email FROM hyper.clients WHERE client_number = $1"
    with ThreadPoolExecutor(1) as thread:
        before = {number: thread.submit(query, world.box.database_url, read, number).result()[0] for number in NAMES}
        for number, name in NAMES.items():
            thread.submit(execute, world.box.database_url, change, number, name, name).result()
        yield
        for number, values in before.items():
            thread.submit(execute, world.box.database_url, change, number, *values).result()


def test_hostile_names_are_texts_and_leave_the_page_usable(hostile_names, signed_in):
    page = signed_in.page
    expect(signed_in.rows("Clients").nth(0)).to_contain_text(HOSTILE)
    overflow = signed_in.table("Clients").evaluate("(one) => one.scrollWidth - one.clientWidth")
    assert overflow == 0
    for number, name in NAMES.items():
        signed_in.open()
        # A client without a name is reached, too.
        page.get_by_role("row", name=str(number)).get_by_role("link").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(name or "\u2013")

    assert page.evaluate("globalThis.ran") is None
    assert signed_in.problems == []


def test_a_page_that_is_older_than_the_server_says_so(signed_in):
    signed_in.context.route("**/uPlot.esm.js", lambda route: route.fulfill(status=404))

    signed_in.open("clients/500608")

    expect(signed_in.page.get_by_text("This page is older than the server. Load it again.")).to_be_visible()
    expect(signed_in.rows("Balances")).to_have_count(4)


def test_a_deposit_is_booked_and_the_page_of_the_client_shows_it(world, well_behaved, signed_in):
    signed_in.open("clients/500608")
    before = signed_in.account("61436").locator("td.number").nth(1)
    expect(before).to_have_text(AMOUNT)
    other = Dashboard(signed_in.context, world.address)
    other.sign_in()
    shown = before.inner_text()

    other.command("deposit", "25.505")
    expect(other.page.get_by_role("alert")).to_contain_text("multiple of 0.01 USD")
    key = other.key
    other.command("deposit", "1,025.50")

    expect(other.page.get_by_text("The deposit is booked.")).to_be_visible()
    assert other.key == key
    # The figures of the other page move by themselves.
    expect(before).not_to_have_text(shown)
    expect(signed_in.rows("Instructions").nth(0)).to_contain_text("1,025.50 USD")


def test_a_reload_in_the_middle_of_a_deposit_goes_on_with_the_same_key(world, well_behaved, signed_in):
    well_behaved.tell("cplugin", "/misbehave", {"fault": "latency", "path": "TradeTransaction", "seconds": 2})

    signed_in.command("deposit", "7.77")
    expect(signed_in.page.get_by_text("Being sent.", exact=True).first).to_be_visible()
    key = signed_in.key
    signed_in.page.reload()

    expect(signed_in.page.get_by_text("The deposit is booked.")).to_be_visible()
    assert signed_in.key == key
    sent = [
        json.loads(one.post_data)["variables"]
        for one in signed_in.requests
        if '"amount":"7.77"' in (one.post_data or "")
    ]
    assert [one["input"]["idempotencyKey"] for one in sent] == [key, key]
    calls = well_behaved.calls("cplugin")["calls"]
    assert len([one for one in calls if "TradeTransaction" in one["template"]]) == 1


def test_a_lost_answer_offers_the_same_key_and_a_new_command_gets_a_new_one(well_behaved, signed_in):
    signed_in.context.route(
        "**/graphql", lambda route: route.abort() if "8.88" in (route.request.post_data or "") else route.continue_()
    )
    signed_in.command("deposit", "8.88")
    expect(signed_in.page.get_by_text("The command may have arrived.")).to_be_visible()
    key = signed_in.key
    signed_in.context.unroute("**/graphql")

    signed_in.page.get_by_role("button", name="Send again with the same key").click()

    expect(signed_in.page.get_by_text("The deposit is booked.")).to_be_visible()
    assert signed_in.key == key
    signed_in.page.get_by_role("button", name="Another one, with a new key").click()
    expect(signed_in.page.get_by_label("Amount")).to_have_value("")
    assert signed_in.key != key


@pytest.mark.parametrize("amount, words", [("25,50", "such as 1025.50"), ("1" * 19, "at most 18 digits")])
def test_an_amount_that_cannot_be_read_is_corrected_under_the_same_key(well_behaved, signed_in, amount, words):
    signed_in.command("deposit", amount)
    expect(signed_in.page.get_by_role("alert")).to_contain_text(words)
    key = signed_in.key

    signed_in.command("deposit", "25.50")

    expect(signed_in.page.get_by_text("The deposit is booked.")).to_be_visible()
    assert signed_in.key == key


def test_a_late_answer_does_not_end_the_next_command(well_behaved, signed_in):
    late: list[Route] = []

    def hold_second(route: Route) -> None:
        is_deposit = "9.99" in (route.request.post_data or "")
        if is_deposit:
            late.append(route)
        if not is_deposit or len(late) == 2:
            route.continue_()

    signed_in.context.route("**/graphql", hold_second)
    signed_in.command("deposit", "9.99")
    expect(signed_in.page.get_by_text("Being sent.", exact=True).first).to_be_visible()
    # The page is left and entered again, so that the command is sent again.
    signed_in.open("health")
    expect(signed_in.heading("Upstreams")).to_be_visible()
    signed_in.open("clients/500608/deposit/R1/61436")
    signed_in.page.get_by_role("button", name="Another one, with a new key").click()
    signed_in.page.get_by_label("Amount").fill("3.21")
    with signed_in.page.expect_response("**/graphql"):
        late[0].continue_()

    signed_in.page.wait_for_timeout(300)
    expect(signed_in.page.get_by_label("Amount")).to_have_value("3.21")


def test_a_large_withdrawal_waits_and_a_second_key_approves_it(well_behaved, signed_in):
    signed_in.command("withdraw", "1001")
    expect(signed_in.page.get_by_text("It waits for the approval of a second person.")).to_be_visible()
    signed_in.open("approvals")
    row = signed_in.table("Instructions").locator("tbody").filter(has_text="1,001.00 USD")
    signed_in.page.get_by_label("The second person's key").fill("demo-operator")

    row.get_by_role("button", name="Approve").click()
    expect(row.get_by_text("One's own command cannot be approved")).to_be_visible()
    row.get_by_label("Reason").fill("seen")
    # The reason stays while the key is typed.
    signed_in.page.get_by_label("The second person's key").fill("demo-approver")
    row.get_by_role("button", name="Approve").click()

    expect(row.locator(".badge")).to_have_text("Confirmed")
    row.get_by_role("button", name="Events").click()
    expect(row.locator(".events li").nth(1)).to_contain_text("demo-approver · seen")
    stored = signed_in.page.evaluate("() => JSON.stringify([sessionStorage, localStorage])")
    assert "demo-approver" not in stored


def test_instructions_of_all_clients_are_followed_and_one_in_doubt_names_its_command(world, well_behaved, signed_in):
    signed_in.open("instructions")
    expect(signed_in.page.locator(".streams.live")).to_be_visible()
    expect(signed_in.table("Instructions").or_(signed_in.page.get_by_text("No instructions."))).to_be_visible()

    world.store(put_in_review)

    row = signed_in.table("Instructions").locator("tbody").filter(has_text="1.73 USD").first
    expect(row.locator(".badge").first).to_have_text("Needs review")
    expect(row.locator("code").first).to_have_text(re.compile(r"^brokergraph instructions show [\w-]+$"))
    expect(row.locator(".events li")).to_have_count(4)
    row.get_by_role("button", name="Events").click()
    expect(row.locator("code")).to_have_count(0)


async def put_in_review(stores: StateStores) -> None:
    """Store an instruction whose outcome could not be found out."""
    new = new_deposit(uuid.uuid4().hex, principal="demo-operator", amount=Decimal("1.73"))
    record, _ = await receive(stores.ledger, new)
    for status in ("SENT", "UNKNOWN", "NEEDS_REVIEW"):
        record = await stores.ledger.advance(record, Transition(status, "test"))


@pytest.mark.parametrize("end", ["STREAM_RESET", "STREAM_BEHIND"])
def test_a_stream_of_instructions_that_ends_is_continued(world, dashboard, end):
    asked: list[dict] = []

    def end_the_first(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def passed(text: str) -> None:
            message = json.loads(text)
            if message["type"] != "subscribe" or "after" not in message["payload"]["variables"]:
                server.send(text)
                return
            asked.append(message["payload"]["variables"])
            if len(asked) > 1:
                server.send(text)
                return
            error = {"message": "ended", "extensions": {"code": end, "cursor": asked[0]["after"]}}
            answer = {"data": None, "errors": [error]}
            socket.send(json.dumps({"id": message["id"], "type": "next", "payload": answer}))
            socket.send(json.dumps({"id": message["id"], "type": "complete"}))

        socket.on_message(passed)

    dashboard.context.route_web_socket("**/graphql", end_the_first)
    dashboard.sign_in()
    dashboard.open("instructions")
    while len(asked) < 2:
        dashboard.page.wait_for_timeout(10)
    expect(dashboard.page.locator("main table, main .empty")).to_be_visible()
    rows = dashboard.rows("Instructions").filter(has_text="1.73 USD")
    before = rows.count()
    world.store(put_in_review)

    expect(rows).to_have_count(before + 1)
    assert [one["after"] for one in asked] == [asked[0]["after"]] * 2
    # The list is read again only if its cursor is worth nothing any more.
    cursor = dashboard_documents()["instructionCursor"].id
    read = [one for one in dashboard.requests if cursor in (one.post_data or "")]
    assert len(read) == {"STREAM_RESET": 2, "STREAM_BEHIND": 1}[end]


def test_a_key_that_is_revoked_leads_back_to_the_sign_in(world, dashboard):
    name = uuid.uuid4().hex
    record = KeyRecord(name, name, ("client:read", "balance:read"), None)
    world.store(lambda stores: stores.keys.add(record, Secret(name)))
    dashboard.sign_in(name)
    dashboard.open("clients/500608")
    expect(dashboard.page.locator(".streams.live")).to_be_visible()

    world.store(lambda stores: stores.keys.revoke(name))

    expect(dashboard.page.get_by_role("alert")).to_contain_text("not valid any more")
    assert name not in dashboard.page.evaluate("() => JSON.stringify(sessionStorage)")


def test_the_health_of_upstreams_and_the_abilities_of_servers_are_listed(signed_in):
    signed_in.page.get_by_role("link", name="Upstreams").click()

    expect(signed_in.rows("Upstreams").filter(has_text="Broctagon")).to_contain_text("Up")
    expect(signed_in.rows("Trading servers").filter(has_text="R1")).to_contain_text("CPlugin")


def test_a_vendor_that_hangs_keeps_only_its_cells_waiting_and_they_recover(well_behaved, dashboard):
    # Without streams, as behind a proxy that lets no WebSocket through, the page has only its questions.
    dashboard.context.route_web_socket("**/graphql", lambda socket: socket.close(code=1011))
    dashboard.sign_in()
    well_behaved.tell("cplugin", "/misbehave", {"fault": "hang"})

    dashboard.open("clients/500608")

    # All this is there while the vendor still holds the connection.
    expect(dashboard.rows("Balances")).to_have_count(4)
    expect(dashboard.account("3004272").locator("td.age")).to_have_text(re.compile(r"^\d+ s$"))
    cells = dashboard.account("61436").locator("td")
    expect(cells.nth(2)).not_to_have_text(AMOUNT)
    expect(dashboard.account("61436")).to_contain_text("Waiting for CPlugin")
    expect(dashboard.account("61436")).to_contain_text("CPlugin does not answer")
    well_behaved.reset()
    expect(cells.nth(2)).to_have_text(AMOUNT)
    expect(dashboard.rows("Open positions")).to_have_count(2)


def test_nothing_moves_when_live_figures_arrive(well_behaved, signed_in):
    well_behaved.tell("cplugin", "/misbehave", {"fault": "latency", "seconds": 1})
    signed_in.open("clients/500608")
    expect(signed_in.account("61436")).to_be_visible()
    signed_in.page.evaluate(SHIFTS)
    expect(signed_in.account("61436").locator(".bone").first).to_be_visible()

    expect(signed_in.account("61436").locator("td.number").nth(1)).to_have_text(AMOUNT)
    expect(signed_in.rows("Open positions")).to_have_count(2)

    assert signed_in.page.evaluate("() => globalThis.shifts") == []


def test_a_key_with_fewer_scopes_sees_what_it_may(dashboard):
    dashboard.sign_in("demo-reader")
    expect(dashboard.rows("Clients")).to_have_count(25)
    expect(dashboard.page.get_by_role("link", name="Instructions")).to_have_count(0)
    dashboard.open("clients/500608")

    expect(dashboard.heading("Noa Ben-David")).to_be_visible()
    missing = ["balance:read", "trade:read", "instruction:read"]
    for scope in missing:
        expect(dashboard.page.get_by_text(f"Your key lacks the scope {scope}.").first).to_be_visible()
    assert dashboard.problems == []


def test_a_link_that_was_cut_leads_to_a_page_that_does_not_exist(dashboard):
    dashboard.sign_in()
    dashboard.open("clients%E0%A4")

    expect(dashboard.page.get_by_text("There is no such page")).to_be_visible()
    dashboard.page.reload()
    expect(dashboard.page.get_by_text("There is no such page")).to_be_visible()
    assert dashboard.problems == []


def test_the_first_load_is_small_and_the_browser_complains_about_nothing(world, context):
    dashboard = Dashboard(context, world.address)
    session = context.new_cdp_session(dashboard.page)
    received: list[float] = []
    session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    session.send("Network.enable")

    dashboard.sign_in()
    expect(dashboard.rows("Clients")).to_have_count(25)

    assert len(received) > 30
    assert sum(received) < FIRST_LOAD_BYTES
    assert dashboard.problems == []


def test_no_inline_script_runs(signed_in):
    signed_in.page.evaluate(
        "document.head.append(Object.assign(document.createElement('script'), {text: 'globalThis.ran = true'}))"
    )

    assert signed_in.page.evaluate("globalThis.ran") is None
    assert ["Content Security Policy" in problem for problem in signed_in.problems] == [True]


PAGES: dict[str, Callable[[Dashboard], object]] = {
    "clients": lambda one: expect(one.rows("Clients")).to_have_count(25),
    "clients/500608": lambda one: expect(one.rows("Open positions")).to_have_count(2),
    "clients/500608/deposit/R1/61436": lambda one: expect(one.page.get_by_label("Amount")).to_be_visible(),
    "instructions": lambda one: expect(one.table("Instructions")).to_be_visible(),
    "approvals": lambda one: expect(one.page.get_by_label("Reason").first).to_be_visible(),
    "health": lambda one: expect(one.rows("Trading servers")).not_to_have_count(0),
}


def test_no_page_has_a_serious_finding_of_axe(world, well_behaved, dashboard):
    world.store(put_in_review)
    dashboard.open()
    expect(dashboard.page.get_by_label("API key")).to_be_visible()
    findings = {"sign-in": dashboard.grave_findings()}
    dashboard.sign_in()
    dashboard.command("withdraw", "1002")
    expect(dashboard.page.get_by_text("It waits for the approval")).to_be_visible()

    for path, is_there in PAGES.items():
        dashboard.open(path)
        is_there(dashboard)
        findings[path] = dashboard.grave_findings()

    assert {path: found for path, found in findings.items() if found} == {}


def test_hebrew_is_read_from_the_right_and_the_choice_stays(signed_in):
    signed_in.page.get_by_label("Language").select_option("he")

    expect(signed_in.heading("לקוחות")).to_be_visible()
    expect(signed_in.page.locator("html")).to_have_attribute("dir", "rtl")
    signed_in.page.reload()
    expect(signed_in.heading("לקוחות")).to_be_visible()


def test_the_keyboard_alone_reaches_a_client(signed_in):
    signed_in.page.keyboard.press("Tab")
    expect(signed_in.page.get_by_role("link", name="Skip to the content")).to_be_focused()
    signed_in.page.keyboard.press("Enter")
    expect(signed_in.page.locator("main")).to_be_focused()
    expect(signed_in.page.locator("th a").first).to_be_visible()
    for _ in range(20):
        signed_in.page.keyboard.press("Tab")
        if signed_in.page.evaluate("() => document.activeElement.matches('td a, th a')"):
            break
    signed_in.page.keyboard.press("Enter")

    expect(signed_in.heading("Amir Levi")).to_be_visible()
    expect(signed_in.page.locator("main")).to_be_focused()

"""A browser as the witness: GraphiQL loads from this server alone, and each of its examples really answers."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(180)

TABS = ["Dashboard", "Clients", "Largest", "Sums", "Trades", "Instructions", "Health", "Deposit", "Withdrawal"]
TABS += ["Approval", "NewAccount", "Request", "Events", "Outcome", "Figures", "Balances"]


def test_everything_comes_from_this_server_and_nothing_is_complained_about(demo, open_page):
    graphiql = open_page()

    graphiql.run()

    graphiql.expect_standing("demo-operator")
    assert graphiql.page.title() == "brokergraph · GraphiQL"
    assert graphiql.page.get_by_role("tab").all_inner_texts() == TABS
    assert graphiql.hosts == {demo.removeprefix("http://")}
    # The page, its files, the schema, the viewer, the answer: more than a page without its scripts would ask for.
    assert len(graphiql.requested) > 10
    assert graphiql.problems == []


def test_the_policy_lets_no_inline_script_run_and_the_witness_sees_it(open_page):
    graphiql = open_page()

    graphiql.page.evaluate(
        "document.head.append(Object.assign(document.createElement('script'), {text: 'globalThis.ran = true'}))"
    )

    assert graphiql.page.evaluate("globalThis.ran") is None
    assert ["Content Security Policy" in problem for problem in graphiql.problems] == [True]


def test_the_dashboard_joins_the_erp_its_api_and_two_vendors(open_page):
    answer = open_page().run_with_keys()

    assert "errors" not in answer
    client = answer["data"]["client"]
    assert client["totalFloatingBalance"] == {"amount": "72888.65", "currency": "ILS"}
    assert client["live"] == {"totalFloatingBalance": {"amount": "72888.65"}}
    assert client["webStatus"]["code"] == "APPROVED"
    assert [one["currency"] for one in client["balances"]] == ["BTC", "ETH", "ILS", "USD"]
    accounts = client["tradingAccounts"]["nodes"]
    assert {one["server"]["system"] for one in accounts if one["live"]} == {"BROKER_WORK", "CPLUGIN"}


def test_the_clients_come_in_pages(open_page):
    graphiql = open_page()
    graphiql.tab("Clients")

    clients = graphiql.run()["data"]["clients"]

    assert len(clients["nodes"]) == 10
    assert clients["totalCount"] > 10
    assert clients["pageInfo"]["hasNextPage"] is True


def test_the_largest_accounts_of_one_currency_are_listed(open_page):
    graphiql = open_page()
    graphiql.tab("Largest")

    accounts = graphiql.run()["data"]["tradingAccounts"]["nodes"]

    balances = [float(account["balance"]) for account in accounts]
    assert len(balances) == 10
    assert balances == sorted(balances, reverse=True)


def test_the_sums_are_those_of_the_filter(open_page):
    graphiql = open_page()
    graphiql.tab("Sums")

    answer = graphiql.run()

    assert "errors" not in answer
    clients, accounts = answer["data"]["clientSummary"], answer["data"]["accountSummary"]
    assert clients["count"] == sum(one["count"] for one in clients["byErpStatus"]) > 10
    assert {one["code"] for one in clients["byErpStatus"]} <= {"APPROVED", "REAL"}
    assert {one["currency"] for one in clients["balances"]} > {"USD"}
    assert accounts["count"] == sum(one["accounts"] for one in accounts["byServer"])
    assert {one["currency"] for one in accounts["byServer"]} == {"USD"}


def test_the_trades_are_open_and_closed_ones_and_days(open_page):
    graphiql = open_page()
    graphiql.tab("Trades")

    answer = graphiql.run()

    assert "errors" not in answer
    account = answer["data"]["tradingAccount"]
    assert len(account["openPositions"]) == 2
    assert len(account["closedTrades"]["nodes"]) == 3
    assert len(account["dailyReports"]) > 20


def test_a_withdrawal_waits_for_the_approval_of_another_key(open_page):
    graphiql = open_page()
    graphiql.tab("Withdrawal")
    waiting = graphiql.run()["data"]["withdraw"]
    graphiql.tab("Approval")
    graphiql.put_variable("id", waiting["instruction"]["id"])

    own = graphiql.run()["data"]["approveInstruction"]
    graphiql.give_key("demo-approver")
    graphiql.expect_standing("demo-approver")
    approved = graphiql.run()["data"]["approveInstruction"]

    assert (waiting["__typename"], waiting["instruction"]["status"]) == ("InstructionPending", "NEEDS_APPROVAL")
    assert own["code"] == "OWN_APPROVAL"
    assert (approved["__typename"], approved["instruction"]["status"]) == ("InstructionDecided", "CONFIRMED")
    assert approved["instruction"]["id"] == waiting["instruction"]["id"]


def test_the_events_of_a_deposit_in_another_window_are_shown(open_page):
    graphiql, other = open_page(), open_page()
    graphiql.tab("Events")
    graphiql.follow()
    graphiql.wait_for_stream()

    other.tab("Deposit")
    answer = other.run()["data"]["deposit"]

    assert answer["__typename"] == "DepositConfirmed"

    event = graphiql.shown('"CONFIRMED"')["data"]["instructionEvents"]
    assert (event["instruction"]["kind"], event["instruction"]["account"]["login"]) == ("DEPOSIT", "61436")
    graphiql.page.get_by_role("button", name="Stop query").click()
    expect(graphiql.page.get_by_role("button", name="Execute query")).to_be_visible()
    assert graphiql.problems == []


def test_the_outcome_of_a_withdrawal_is_shown_when_it_is_approved_in_another_window(open_page):
    graphiql, other = open_page(), open_page()
    graphiql.tab("Withdrawal")
    identity = graphiql.run()["data"]["withdraw"]["instruction"]["id"]
    graphiql.tab("Outcome")
    graphiql.put_variable("id", identity)
    graphiql.follow()
    waiting = graphiql.shown(identity)["data"]["instructionUpdated"]

    other.give_key("demo-approver")
    other.expect_standing("demo-approver")
    other.tab("Approval")
    other.put_variable("id", identity)
    other.run()

    decided = graphiql.shown('"status": "CONFIRMED",\n      "upstream')["data"]["instructionUpdated"]
    assert (waiting["status"], decided["status"], decided["id"]) == ("NEEDS_APPROVAL", "CONFIRMED", identity)
    # The stream is complete.
    expect(graphiql.page.get_by_role("button", name="Execute query")).to_be_visible()


def test_live_figures_are_followed(open_page):
    graphiql = open_page()
    graphiql.tab("Figures")

    graphiql.follow()

    account = graphiql.shown("observedAt")["data"]["tradingAccountsChanged"]["account"]
    assert (account["login"], account["live"]["currency"]) == ("61436", "USD")


def test_balances_are_followed(open_page):
    graphiql = open_page()
    graphiql.tab("Balances")

    graphiql.follow()

    event = graphiql.shown("observedAt")["data"]["clientBalancesChanged"]
    assert event["changed"] == [one["currency"] for one in event["client"]["balances"]] == ["BTC", "ETH", "ILS", "USD"]


def test_a_stream_that_is_refused_says_why(open_page):
    graphiql = open_page()
    graphiql.give_key("nobody")
    graphiql.expect_standing("key not accepted")
    graphiql.tab("Balances")

    graphiql.follow()

    assert graphiql.shown("errors")["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def test_the_deposit_is_booked_once_and_its_replay_says_the_same(open_page):
    graphiql = open_page()
    graphiql.tab("Deposit")

    first = graphiql.run()["data"]

    assert first["deposit"]["__typename"] == "DepositConfirmed"
    assert first["deposit"]["instruction"]["status"] == "CONFIRMED"
    assert first["replay"] == first["deposit"]


def test_a_new_set_of_examples_deposits_anew(open_page):
    graphiql = open_page()
    graphiql.tab("Deposit")
    first = graphiql.run()["data"]["deposit"]["instruction"]

    graphiql.restore_examples()
    graphiql.tab("Deposit")
    second = graphiql.run()["data"]["deposit"]["instruction"]

    assert second["status"] == "CONFIRMED"
    assert second["id"] != first["id"]
    assert graphiql.page.get_by_role("tab").all_inner_texts() == TABS


def test_the_documentation_opens_a_type(open_page):
    page = open_page().page

    page.get_by_role("button", name="Show Documentation Explorer").click()
    page.locator(".graphiql-doc-explorer").get_by_role("link", name="CurrencyBalance", exact=True).click()

    explorer = page.locator(".graphiql-doc-explorer")
    expect(explorer.locator(".graphiql-doc-explorer-title")).to_have_text("CurrencyBalance")
    expect(explorer).to_contain_text("The amount that is reserved for withdrawals, orders, margin or tax.")


def test_a_wrong_key_is_told_and_a_right_one_is_taken(open_page):
    graphiql = open_page()

    graphiql.give_key("nobody")
    graphiql.expect_standing("key not accepted")
    refused = graphiql.run()
    graphiql.give_key("demo-reader")
    graphiql.expect_standing("demo-reader")

    assert refused == {
        "errors": [{"message": "The API key is not valid or has expired.", "extensions": {"code": "UNAUTHENTICATED"}}]
    }


def test_a_key_stays_in_its_tab_and_out_of_every_address(open_page):
    graphiql = open_page()

    graphiql.give_key("demo-partner")
    graphiql.expect_standing("demo-partner")
    graphiql.run()
    graphiql.open()

    graphiql.expect_standing("demo-partner")
    assert [url for url in graphiql.requested if "demo-" in url] == []
    assert "demo-partner" not in graphiql.page.evaluate("JSON.stringify(localStorage)")
    open_page().expect_standing("demo-operator")


def test_outside_of_the_demo_it_asks_for_a_key_and_hides_it(context, demo, open_page):
    def without_key(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace(' data-demo-key="demo-operator"', ""))

    context.route(
        "**/graphql", lambda route: without_key(route) if route.request.method == "GET" else route.continue_()
    )
    graphiql = open_page()
    field = graphiql.page.get_by_label("API key")

    graphiql.expect_standing("no key")
    assert (field.input_value(), field.get_attribute("type")) == ("", "password")
    graphiql.give_key("demo-operator")

    graphiql.expect_standing("demo-operator")
    # The schema was read again with the key, so that the documentation knows it.
    graphiql.page.get_by_role("button", name="Show Documentation Explorer").click()
    expect(graphiql.page.locator(".graphiql-doc-explorer")).to_contain_text("CurrencyBalance")


@pytest.mark.parametrize("scheme,background", [("light", "rgb(255, 255, 255)"), ("dark", "rgb(19, 26, 36)")])
def test_light_and_dark_follow_the_system(context, open_page, scheme, background):
    page = open_page().page

    page.emulate_media(color_scheme=scheme)

    expect(page.locator(".bg-header")).to_have_css("background-color", background)


def test_dark_can_be_chosen_by_hand(open_page):
    page = open_page().page
    page.emulate_media(color_scheme="light")

    page.get_by_role("button", name="Open settings dialog").click()
    page.get_by_role("button", name="Dark").click()

    expect(page.locator(".bg-header")).to_have_css("background-color", "rgb(19, 26, 36)")

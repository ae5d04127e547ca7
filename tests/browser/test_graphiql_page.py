"""The page around GraphiQL: the call plan, errors for all senses, keys, a phone, and accessibility."""

import re

import pytest
from playwright.sync_api import expect
from support.axe import grave_findings
from support.opened import Opened

pytestmark = pytest.mark.timeout(180)

PHONE = {"width": 390, "height": 844}
# GraphiQL's tabs hold their close buttons, which is its own markup (docs/graphiql.md).
OF_GRAPHIQL = {"nested-interactive"}
EXAMPLES = {
    "demo-partner": ["Clients", "Deposit", "Instructions", "Largest", "Events"],
    "demo-approver": ["Instructions", "Approval", "Events", "Outcome"],
    "demo-reader": ["People", "Refused", "Health"],
}


def ask_for_plans(graphiql: Opened) -> None:
    graphiql.page.get_by_role("switch", name="Call plan").check()


def plan_of(graphiql: Opened) -> dict[str, list[str]]:
    rows = graphiql.page.locator(".bg-plan tbody tr")
    return {row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in rows.all()}


def choose(graphiql: Opened, key: str) -> None:
    """Takes a demo key with its examples."""
    graphiql.page.get_by_label("Examples for a demo key").select_option(key)
    graphiql.expect_standing(key)
    expect(graphiql.page.get_by_role("tab")).to_have_text(EXAMPLES[key], use_inner_text=True)
    graphiql.expect_editor()
    # The first example of each key has this variable.
    expect(graphiql.page.locator(".graphiql-editor-tool")).to_contain_text('"first"')


def test_the_switch_asks_for_the_plan_and_the_panel_shows_it(open_page):
    graphiql = open_page()
    ask_for_plans(graphiql)

    answer = graphiql.run()

    shown, sent = plan_of(graphiql), answer["extensions"]["plan"]
    assert set(shown) == set(sent["predicted"]) >= {"BROKER_WORK", "CPLUGIN", "ERP_DATABASE", "HYPER"}
    for system, actual in sent["actual"].items():
        predicted = sent["predicted"][system]
        numbers = [predicted["calls"], actual["calls"], predicted["keys"], actual["keys"]]
        assert shown[system] == [*map(str, numbers), f"{sent['milliseconds'][system]:g}"]
    cost = answer["extensions"]["cost"]
    expect(graphiql.page.locator(".bg-plan caption")).to_have_text(
        f"Call plan: cost {cost['requested']}, {cost['remaining']} of {cost['limit']} left"
    )


def test_the_plan_is_asked_for_only_while_the_switch_is_on_and_the_switch_is_remembered(open_page):
    graphiql = open_page()

    assert "extensions" not in graphiql.run()
    ask_for_plans(graphiql)
    graphiql.tab("Deposit")
    assert graphiql.run()["data"]["deposit"]["__typename"] == "DepositConfirmed"
    assert "CPLUGIN" in plan_of(graphiql)
    graphiql.open()

    expect(graphiql.page.get_by_role("switch", name="Call plan")).to_be_checked()


def test_an_answer_without_data_is_announced_at_once_and_an_empty_key_is_told_as_no_key(open_page):
    graphiql = open_page()
    graphiql.give_key("nobody")
    graphiql.expect_standing("key not accepted")

    graphiql.run()

    text = "The answer has no data, but 1 error. The API key is not valid or has expired."
    expect(graphiql.page.get_by_role("alert").filter(has_text="error")).to_have_text(text)
    graphiql.give_key("")
    graphiql.expect_standing("no key")


def test_each_demo_key_has_examples_of_what_it_may_do(open_page):
    graphiql = open_page()

    for key in EXAMPLES:
        choose(graphiql, key)
        answer = graphiql.run()
        assert "errors" not in answer, answer


def test_an_answer_with_data_and_errors_is_announced_politely(open_page):
    graphiql = open_page()
    choose(graphiql, "demo-reader")
    graphiql.tab("Refused")

    answer = graphiql.run()

    assert answer["data"]["client"]["fullName"] == "Noa Ben-David"
    said = graphiql.page.locator(".bg-verdict[role=status]")
    expect(said).to_have_text(re.compile(r"^The answer has data and 1 error\. client\.balances: "))


def test_the_partner_pays_into_an_account_that_it_may_see(open_page):
    graphiql = open_page()
    choose(graphiql, "demo-partner")
    graphiql.tab("Deposit")

    payload = graphiql.run()["data"]["deposit"]

    assert (payload["__typename"], payload["account"]["login"]) == ("DepositConfirmed", "71001")


def test_the_other_commands_have_examples(open_page):
    graphiql = open_page()
    graphiql.tab("NewAccount")
    account = graphiql.run()["data"]["createTradingAccount"]
    graphiql.tab("Request")
    request = graphiql.run()["data"]["openAccountRequest"]

    assert (account["__typename"], request["__typename"]) == ("TradingAccountCreated", "OpenAccountRequested")


def test_ctrl_enter_runs_before_anything_was_clicked_and_before_the_editor_is_there(demo, context):
    page = context.new_page()
    page.goto(f"{demo}/graphql", wait_until="commit")
    page.locator(".bg-header").wait_for()

    page.keyboard.press("Control+Enter")

    expect(page.locator(".result-window")).to_contain_text("Noa Ben-David")


def test_on_a_phone_the_query_is_above_the_answer_and_nothing_leaves_the_screen(chromium, demo):
    context = chromium.new_context(viewport=PHONE, has_touch=True)
    graphiql = Opened(context.new_page(), demo)
    graphiql.open()
    ask_for_plans(graphiql)
    graphiql.tab("Clients")

    # The variables are sent although they are folded away.
    assert len(graphiql.run()["data"]["clients"]["nodes"]) == 10

    boxes = {
        name: graphiql.page.locator(selector).bounding_box()
        for name, selector in {"query": ".graphiql-editors", "answer": ".graphiql-response"}.items()
    }
    assert boxes["query"]["y"] + boxes["query"]["height"] <= boxes["answer"]["y"] + 1
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"] for box in boxes.values())
    assert all(box["width"] > 350 and box["height"] > 200 for box in boxes.values())
    assert graphiql.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    context.close()


@pytest.mark.parametrize(
    "scheme, viewport", [("light", PHONE), ("dark", {"width": 1440, "height": 900})], ids=["phone", "desk"]
)
def test_axe_finds_nothing_grave_but_graphiqls_own_tabs(chromium, demo, scheme, viewport):
    context = chromium.new_context(viewport=viewport, color_scheme=scheme)
    graphiql = Opened(context.new_page(), demo)
    graphiql.open()
    ask_for_plans(graphiql)
    graphiql.run()
    found = grave_findings(graphiql.page)
    graphiql.give_key("nobody")
    graphiql.expect_standing("key not accepted")
    graphiql.run()
    found += grave_findings(graphiql.page)
    context.close()

    assert [one for one in found if one[0] not in OF_GRAPHIQL] == []
    assert {rule for rule, _ in found} == OF_GRAPHIQL, found

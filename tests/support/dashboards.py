"""The dashboard in a browser, by what a person does and sees there."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, expect

from support.axe import grave_findings

SHIFTS = """() => {
    globalThis.shifts = [];
    new PerformanceObserver((list) => globalThis.shifts.push(...list.getEntries().map((one) => one.value)))
        .observe({ type: "layout-shift" });
}"""


@dataclass
class Dashboard:
    """A tab with the dashboard. `problems` are all complaints of the browser, of the policy too."""

    context: BrowserContext
    address: str
    problems: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    page: Page = field(init=False)

    def __post_init__(self) -> None:
        self.page = self.context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda one: self.problems.append(f"uncaught: {one}"))
        self.page.on("request", lambda one: self.requests.append(one))  # noqa: PLW0108 - it marks its handler.

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.problems.append(f"{message.type}: {message.text}")

    @property
    def hosts(self) -> set[str]:
        return {urlsplit(one.url).netloc for one in self.requests if not one.url.startswith("data:")}

    def open(self, path: str = "") -> None:
        self.page.goto(f"{self.address}/#/{path}")

    def sign_in(self, key: str = "demo-operator") -> None:
        """Sign in and wait for the first page."""
        self.open()
        self.page.get_by_label("API key").fill(key)
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        expect(self.heading("Clients")).to_be_visible()

    def heading(self, name: str) -> Locator:
        return self.page.get_by_role("heading", name=name)

    def table(self, name: str) -> Locator:
        return self.page.get_by_role("region", name=name, exact=True)

    def rows(self, table: str) -> Locator:
        return self.table(table).locator("tbody tr:visible")

    def account(self, login: str) -> Locator:
        """The row of an account with its live figures."""
        return self.rows("Trading accounts").filter(has_text=login)

    def command(self, part: str, amount: str, login: str = "61436") -> None:
        """Fill the form for this account and send it."""
        self.open(f"clients/500608/{part}/R1/{login}")
        self.page.get_by_label("Amount").fill(amount)
        self.page.get_by_role("button", name={"deposit": "Deposit", "withdraw": "Withdraw"}[part]).click()

    @property
    def key(self) -> str:
        """The idempotency key that the form shows."""
        return self.page.get_by_role("complementary", name="The idempotency key").locator(".code").inner_text()

    def grave_findings(self) -> list[tuple[str, str]]:
        """What axe-core finds on the page as it is, in both themes."""
        found = []
        for theme in ("light", "dark"):
            self.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            found += grave_findings(self.page)
        return found

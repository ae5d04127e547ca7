"""GraphiQL in a browser, by what a person does and sees there."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page, Response, expect

# The editor draws only the lines in sight; its model holds all of them.
_SHOWS = """(sent) => globalThis.__MONACO.editor.getEditors().some((editor) => {
    if (!editor.getContainerDomNode().closest('.result-window')) return false;
    // Not by the text of the server, because 9.0 is shown as 9.
    try { return JSON.stringify(JSON.parse(editor.getValue())) === JSON.stringify(sent); } catch { return false; } })"""
_SHOWN = """() => globalThis.__MONACO.editor.getEditors()
    .find((editor) => editor.getContainerDomNode().closest('.result-window')).getValue()"""
# GraphiQL stores a tab's query in the same step that tells which operation it would run. All pages of a browser share
# the storage, and the comments of one example name others.
_STORED = """(name) => new RegExp(`(query|mutation|subscription) ${name}[ ({]`)
    .test(localStorage.getItem('graphiql:query') ?? '')"""
PRESSES = 5
# The operations of the page itself: the schema and the name of the key.
_OWN_QUESTIONS = ("IntrospectionQuery", "viewer")


def _answers_the_editor(response: Response) -> bool:
    asked = response.request.post_data or ""
    return bool(asked) and not any(own in asked for own in _OWN_QUESTIONS)


@dataclass
class Opened:
    page: Page
    address: str
    problems: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda one: self.problems.append(f"uncaught: {one}"))
        self.page.context.on("request", lambda one: self.requested.append(one.url))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.problems.append(f"{message.type}: {message.text} at {message.location}")

    def open(self) -> None:
        self.page.goto(f"{self.address}/graphql")
        self.expect_editor()

    def expect_editor(self) -> None:
        # Lines and their numbers appear when the editor itself has been loaded.
        expect(self.page.locator(".graphiql-query-editor .line-numbers").first).to_be_visible(timeout=30_000)
        # GraphiQL sends no variables before their editor has been loaded.
        expect(self.page.locator(".graphiql-editor-tool .monaco-editor").first).to_be_attached()

    @property
    def hosts(self) -> set[str]:
        """The hosts of the page's requests; `data:` addresses have no host."""
        return {urlsplit(url).netloc for url in self.requested if not url.startswith(("data:", "blob:"))}

    def tab(self, name: str) -> None:
        """Changes to a tab, and waits the tenth of a second after which GraphiQL knows its operation.

        While it starts, GraphiQL may ignore a press. If the old tab stays, press again.
        """
        tab = self.page.get_by_role("tab", name=name)
        for _ in range(PRESSES):
            tab.click()
            with suppress(AssertionError):
                expect(tab).to_have_attribute("aria-selected", "true", timeout=2_000)
                break
        self.page.wait_for_function(_STORED, arg=name)

    def restore_examples(self) -> None:
        self.page.get_by_role("button", name="Examples").click()
        self.expect_editor()

    def put_variable(self, name: str, value: str) -> None:
        """Write another value of the one empty text of this name into the variables."""
        put = """([name, value]) => {
            const models = globalThis.__MONACO.editor.getModels();
            const [model] = models.filter((one) => one.getValue().includes(`"${name}": ""`));
            model.setValue(model.getValue().replace(`"${name}": ""`, `"${name}": "${value}"`)); }"""
        self.page.evaluate(put, [name, value])
        self.page.wait_for_function(
            "(text) => (localStorage.getItem('graphiql:variables') ?? '').includes(text)", arg=value
        )

    def run(self) -> dict[str, Any]:
        """Presses the button and reads the answer."""
        return self._answer_to(self.page.get_by_role("button", name="Execute query").click)

    def follow(self) -> None:
        """Presses the button for a subscription. `shown` has its answers."""
        self.page.get_by_role("button", name="Execute query").click()

    def wait_for_stream(self) -> None:
        """Returns when the server has a stream: the page shows that it follows before its request has arrived."""
        has_stream = "async () => (await (await fetch('/metrics')).text()).includes('brokergraph_streams 1.0')"
        self.page.wait_for_function(has_stream)

    def shown(self, *texts: str) -> dict[str, Any]:
        """The newest answer, once it has these texts."""
        self.page.wait_for_function(f"(texts) => texts.every((text) => ({_SHOWN})().includes(text))", arg=texts)
        return json.loads(self.page.evaluate(_SHOWN))

    def run_with_keys(self) -> dict[str, Any]:
        """Presses Ctrl-Enter in the editor and reads the answer."""
        self.page.locator(".graphiql-query-editor .view-lines").click()
        return self._answer_to(lambda: self.page.keyboard.press("Control+Enter"))

    def _answer_to(self, ask: Callable[[], None]) -> dict[str, Any]:
        """What the graph sent, once the page shows the same."""
        with self.page.expect_response(_answers_the_editor) as caught:
            ask()
        sent = caught.value.json()
        self.page.wait_for_function(_SHOWS, arg=sent)
        return sent

    def give_key(self, key: str) -> None:
        field = self.page.get_by_label("API key")
        field.fill(key)
        field.press("Enter")

    def expect_standing(self, text: str) -> None:
        expect(self.page.locator(".bg-standing")).to_have_text(text)

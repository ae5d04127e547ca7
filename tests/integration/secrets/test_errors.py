"""What callers are told when something goes wrong, what is kept from them, and what the log has of it."""

import ast
import json
import re
from pathlib import Path

import pytest
import structlog
from graphql import GraphQLError, graphql_sync
from graphql.utilities import build_schema
from starlette.requests import Request

from api.app import create_app
from api.settings.settings import load_settings
from core.errors import Reason
from resolvers.policy.enums import ErrorCode
from resolvers.policy.error_codes import CODES
from resolvers.policy.errors import MASKED, BadUserInput, present

pytestmark = pytest.mark.anyio
HOUSE = Path(__file__).parents[3]
CODE = re.compile(r"[A-Z]{3,}(?:_[A-Z]+)*")


def constants(node):
    return {
        one.value
        for one in ast.walk(node)
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and CODE.fullmatch(one.value)
    }


def is_named(call, *names):
    return isinstance(call, ast.Call) and getattr(call.func, "id", getattr(call.func, "attr", None)) in names


def is_code(assignment):
    target = assignment.target if isinstance(assignment, ast.AnnAssign) else assignment.targets[0]
    return getattr(target, "id", "") in {"code", "CODE"}


def used_in(tree):
    """Codes where they are used: beside "code" in an extension, in a refusal, in a variable or a parameter `code`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            yield from (
                code for key, value in pairs if getattr(key, "value", None) == "code" for code in constants(value)
            )
        elif is_named(node, "RequestRefused", "BadRequest", "_coded", "refusal"):
            yield from constants(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value and is_code(node):
            yield from constants(node.value)
        elif isinstance(node, ast.arguments):
            names = [argument.arg for argument in node.args][len(node.args) - len(node.defaults) :]
            yield from (
                code
                for name, value in zip(names, node.defaults, strict=True)
                if name == "code"
                for code in constants(value)
            )


def used():
    return {
        code
        for package in ("api", "resolvers", "engine")
        for file in (HOUSE / package).rglob("*.py")
        for code in used_in(ast.parse(file.read_text()))
    }


def test_the_table_of_codes_is_all_that_is_used_and_nothing_else():
    assert used() | {str(reason) for reason in Reason} == CODES.keys()


def test_the_page_explains_every_code_once_and_no_other():
    table = (HOUSE / "docs/errors.md").read_text().partition("\n## In a mutation")[0]
    rows = re.findall(r"^\| ([A-Z_]+) \| (.+) \|$", table, re.MULTILINE)

    assert sorted(code for code, _ in rows) == sorted(CODES)
    assert all(CODES.values())


def test_every_reason_is_a_code_of_the_payloads_too():
    assert {str(reason) for reason in Reason} <= {code.value for code in ErrorCode}


def test_an_unexpected_error_is_masked_and_carries_the_request_id():
    shown = present(GraphQLError("x", path=["a"], original_error=KeyError("CANARY")), "id-1")

    assert shown["message"] == MASKED
    assert shown["extensions"] == {"code": "INTERNAL_ERROR", "requestId": "id-1"}
    assert "CANARY" not in json.dumps(shown)


@pytest.mark.parametrize("field, value", [("number: Int", "anna@example.com"), ("kind: Kind", "CANARY"),
                                          ("flag: Boolean", "CANARY"), ("text: String", {"a": "CANARY"}),
                                          ("id: ID", {"a": "CANARY"})])  # fmt: skip
def test_a_value_of_ours_that_does_not_fit_is_our_fault_and_is_not_shown(field, value):
    name = field.partition(":")[0]
    result = graphql_sync(build_schema(f"enum Kind {{ A }} type Query {{ {field} }}"), f"{{ {name} }}", {name: value})
    [error] = result.errors

    shown = present(error, "id-2")

    assert shown["extensions"] == {"code": "INTERNAL_ERROR", "requestId": "id-2"}
    assert "CANARY" not in json.dumps(shown)
    assert "anna" not in json.dumps(shown)
    assert shown["path"] == [name]


def test_what_we_meant_to_say_is_said():
    shown = present(GraphQLError("outer", path=["a"], original_error=BadUserInput("first must be 1")), "id-3")

    assert (shown["message"], shown["extensions"]) == ("first must be 1", {"code": "BAD_USER_INPUT"})


async def test_a_failure_outside_of_the_graph_is_masked_under_an_id_that_the_log_has(box, capsys):
    before = structlog.get_config()
    app = create_app(load_settings(box.settings_path, {}))
    request = Request({"type": "http", "method": "GET", "path": "/livez", "headers": [], "query_string": b""})

    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(0),
        logger_factory=structlog.PrintLoggerFactory(),
    )
    response = await app.exception_handlers[Exception](request, ValueError("CANARY"))
    structlog.configure(**before)

    line = json.loads(capsys.readouterr().out)
    identity = response.headers["x-request-id"]
    assert response.status_code == 500
    assert json.loads(response.body)["errors"] == [
        {"message": MASKED, "extensions": {"code": "INTERNAL_ERROR", "requestId": identity}}
    ]
    assert (line["event"], line["request_id"], line["path"]) == ("http.failed", identity, "/livez")
    assert "CANARY" in line["exception"]

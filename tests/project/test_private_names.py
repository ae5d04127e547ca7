"""A canary for upgrades: each name that we use and that its library does not promise to keep.

pyproject.toml bounds the versions of these libraries from above. When a bound is raised, this module says by library
and name what is gone. The last test finds names in the code that are not listed here.
"""

import ast
import asyncio
import enum
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
import graphql
import pytest
import strawberry
import uvicorn

HOUSE = Path(__file__).parents[2]
PACKAGES = ("api", "resolvers", "instructions", "engine", "upstreams", "core", "sandbox")


_UVICORN_HTTP = "uvicorn.protocols.http"


def looked_up(path: str) -> Any:
    """The object of a dotted name: as much of it as is a module, then attributes."""
    parts = path.split(".")
    for count in range(len(parts) - 1, 0, -1):
        try:
            found: Any = import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for name in parts[count:]:
            found = getattr(found, name)
        return found
    raise AttributeError(path)


def gone(library: str, name: str) -> str:
    return f"{library} {version(library)} has no {name} any more"


# What can be looked at only in an object


@strawberry.enum
class Colour(enum.Enum):
    RED = "RED"


@strawberry.input
class Wanted:
    size: int = 1


@strawberry.type
class Query:
    @strawberry.field
    def colour(self, wanted: Wanted | None = None) -> Colour:
        raise NotImplementedError


@cache
def schema() -> strawberry.Schema:
    return strawberry.Schema(Query)


def core() -> Any:
    return schema()._schema  # noqa: SLF001 - one of the names that this module is about.


def field() -> Any:
    return core().query_type.fields["colour"].extensions["strawberry-definition"]


def config() -> uvicorn.Config:
    """The protocol may be any callable that makes one: that is how ours gets its limits."""
    made = uvicorn.Config(
        lambda *_: None, http=partial(looked_up(f"{_UVICORN_HTTP}.httptools_impl.HttpToolsProtocol")), log_config=None
    )
    made.load()
    return made


def state() -> Any:
    return looked_up("uvicorn.server.ServerState")()


def protocol(path: str) -> Any:
    loop = asyncio.new_event_loop()
    try:
        return looked_up(f"{_UVICORN_HTTP}.{path}")(config(), state(), {}, loop)
    finally:
        loop.close()


def reading() -> Any:
    """Some names come with the first byte of a request."""
    made = protocol("httptools_impl.HttpToolsProtocol")
    made.on_message_begin()
    return made


def cycle() -> Any:
    """Every argument is given by its name, as the protocol gives it."""
    names = "scope transport flow logger access_logger access_log default_headers message_event"
    return looked_up(f"{_UVICORN_HTTP}.httptools_impl.RequestResponseCycle")(
        **dict.fromkeys(names.split()), expect_100_continue=False, keep_alive=True, on_response=lambda: None
    )


def flow() -> Any:
    return looked_up(f"{_UVICORN_HTTP}.flow_control.FlowControl")(SimpleNamespace())


def validation() -> Any:
    return graphql.ValidationContext(core(), graphql.parse("{ colour }"), graphql.TypeInfo(core()), lambda _: None)


def usages() -> Any:
    return looked_up("graphql.validation.validation_context.VariableUsageVisitor")(graphql.TypeInfo(core()), None)


def resolve_info() -> Any:
    return SimpleNamespace(**dict.fromkeys(graphql.GraphQLResolveInfo.__annotations__))


OBJECTS: dict[str, tuple[str, Callable[[], Any], str]] = {
    "HttpToolsProtocol()": (
        "uvicorn",
        reading,
        """_unset_keepalive_if_required connections cycle expect_100_continue headers loop parser pipeline scope
        transport url""",
    ),
    "H11Protocol()": ("uvicorn", partial(protocol, "h11_impl.H11Protocol"), "access_log app logger transport"),
    "RequestResponseCycle()": (
        "uvicorn",
        cycle,
        """default_headers disconnected flow keep_alive message_event more_body on_response response_complete
        response_started scope send transport waiting_for_100_continue""",
    ),
    "FlowControl()": ("uvicorn", flow, "write_paused"),
    "Config()": ("uvicorn", config, "http_protocol_class lifespan_class loaded_app"),
    "Server()": ("uvicorn", lambda: uvicorn.Server(config()), "config server_state should_exit started"),
    "ServerState()": ("uvicorn", state, "connections"),
    "Schema()": ("strawberry-graphql", schema, "_schema schema_converter"),
    "schema_converter": (
        "strawberry-graphql",
        lambda: schema().schema_converter,
        "_exception_handler_specs config scalar_registry",
    ),
    "StrawberryConfig": ("strawberry-graphql", lambda: schema().schema_converter.config, "default_resolver"),
    'field.extensions["strawberry-definition"]': (
        "strawberry-graphql",
        field,
        "arguments base_resolver directives extensions get_result python_name",
    ),
    "base_resolver": ("strawberry-graphql", lambda: field().base_resolver, "info_parameter is_async wrapped_func"),
    "argument": ("strawberry-graphql", lambda: field().arguments[0], "python_name type"),
    'input.extensions["strawberry-definition"]': (
        "strawberry-graphql",
        lambda: core().type_map["Wanted"].extensions["strawberry-definition"],
        "fields from_input is_one_of origin",
    ),
    "GraphQL type of an enum": ("strawberry-graphql", lambda: core().type_map["Colour"], "wrapped_cls"),
    "StrawberryOptional()": (
        "strawberry-graphql",
        lambda: looked_up("strawberry.types.base.StrawberryOptional")(int),
        "of_type",
    ),
    "ValidationContext()": (
        "graphql-core",
        validation,
        "_type_info get_fragment_spreads get_recursive_variable_usages get_variable_usages",
    ),
    "VariableUsageVisitor()": ("graphql-core", usages, "usages"),
    "Visitor()": ("graphql-core", graphql.Visitor, "enter_leave_map get_enter_leave_for_kind"),
    "EnterLeaveVisitor()": (
        "graphql-core",
        lambda: looked_up("graphql.language.visitor.EnterLeaveVisitor")(None, None),
        "enter leave",
    ),
    "GraphQLResolveInfo()": (
        "graphql-core",
        resolve_info,
        """abort_signal async_helpers context field_name field_nodes fragments is_awaitable operation parent_type path
        return_type root_value schema variable_values""",
    ),
    "GraphQLInputObjectType()": ("graphql-core", lambda: core().type_map["Wanted"], "is_one_of"),
    "GraphQLEnumType()": ("graphql-core", lambda: core().type_map["Colour"], "coerce_output_value"),
}
OF_OBJECTS = [(library, shown, name) for shown, (library, _, names) in OBJECTS.items() for name in names.split()]

# What can be imported

_HTTPTOOLS = "uvicorn.protocols.http.httptools_impl.HttpToolsProtocol"
_OVERRIDDEN = (
    "_start_asgi_task connection_lost connection_made data_received handle_websocket_upgrade on_header "
    "on_headers_complete on_message_begin on_message_complete on_response_complete pause_writing resume_writing "
    "send_400_response timeout_keep_alive_handler"
)
IMPORTED = {
    "uvicorn": [
        "uvicorn._types.ASGI3Application",
        *(f"{_HTTPTOOLS}.{name}" for name in _OVERRIDDEN.split()),
        *(f"uvicorn.server.Server.{name}" for name in ("main_loop", "shutdown", "startup")),
        "uvicorn.supervisors.Multiprocess",
    ],
    "strawberry-graphql": [
        "strawberry.dataloader.DataLoader.load",
        "strawberry.printer.print_schema",
        "strawberry.schema.config.StrawberryConfig",
        "strawberry.schema_directive.Location",
        "strawberry.types.field.StrawberryField.get_result",
        "strawberry.utils.str_converters.to_camel_case",
    ],
    "graphql-core": [
        "graphql.execution.get_variable_signature.GraphQLVariableSignature",
        "graphql.execution.get_variable_signature.get_variable_signature",
        "graphql.execution.values.VariableValueSource",
        "graphql.execution.values.VariableValues",
        "graphql.execution.values.get_argument_values",
        "graphql.execution.values.get_variable_values",
        "graphql.language.ast.QUERY_DOCUMENT_KEYS",
        "graphql.language.visitor.BREAK",
        "graphql.language.visitor.EnterLeaveVisitor",
        "graphql.language.visitor.SKIP",
        "graphql.pyutils.Path",
        "graphql.pyutils.UndefinedType",
        "graphql.pyutils.inspect",
        "graphql.pyutils.is_awaitable",
        "graphql.pyutils.is_iterable",
        "graphql.type.GraphQLResolveInfoHelpers",
        "graphql.validation.validate.FragmentNestingVisitor",
        "graphql.validation.validate.ValidationAbortedError",
        "graphql.validation.validation_context.VariableUsage",
        "graphql.validation.validation_context.VariableUsageVisitor",
    ],
}
IMPORTS = [(library, path) for library, paths in IMPORTED.items() for path in paths]


@pytest.mark.parametrize("library,path", IMPORTS, ids=[f"{library}: {path}" for library, path in IMPORTS])
def test_a_name_of_a_module_is_still_there(library, path):
    try:
        looked_up(path)
    except AttributeError:
        pytest.fail(gone(library, path))


@pytest.mark.parametrize(
    "library,shown,name", OF_OBJECTS, ids=[f"{library}: {shown}.{name}" for library, shown, name in OF_OBJECTS]
)
def test_a_name_of_an_object_is_still_there(library, shown, name):
    try:
        made = OBJECTS[shown][1]()
    except (AttributeError, TypeError) as error:
        pytest.fail(f"{gone(library, shown)} as it was: {error}")

    assert hasattr(made, name), gone(library, f"{shown}.{name}")


def test_strawberrys_resolvers_are_known_by_their_module():
    resolve = core().query_type.fields["colour"].resolve

    assert resolve.__module__ == "strawberry.schema.schema_converter", gone("strawberry-graphql", "schema_converter")
    assert not hasattr(resolve, "__wrapped__")


def test_strawberry_converts_arguments_with_its_own_registry_and_configuration():
    converter = schema().schema_converter

    found = looked_up("strawberry.types.arguments.convert_arguments")(
        {"wanted": {"size": 2}},
        field().arguments,
        scalar_registry=converter.scalar_registry,
        config=converter.config,
    )

    assert found == {"wanted": Wanted(size=2)}, gone("strawberry-graphql", "convert_arguments as it was")


def test_asyncpgs_pool_takes_a_function_in_place_of_its_reset_statement():
    assert "reset" in asyncpg.create_pool.__kwdefaults__, gone("asyncpg", "create_pool(reset=)")


# What is not listed


def sources() -> list[ast.Module]:
    found = [path for package in PACKAGES for path in sorted((HOUSE / package).rglob("*.py"))]
    return [ast.parse(path.read_text()) for path in found if "source" not in path.parts]


def private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("_")


def used_and_defined(trees: list[ast.Module]) -> tuple[set[str], set[str]]:
    """Private names that the code uses after a dot or by getattr, and those that it makes itself."""
    used, defined = set(), set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        match node:
            case (
                ast.Attribute(attr=name, ctx=ast.Load())
                | ast.Call(func=ast.Name(id="getattr" | "hasattr"), args=[_, ast.Constant(value=str(name)), *_])
            ):
                used.add(name)
            case ast.Attribute(attr=name) | ast.Name(id=name, ctx=ast.Store()):
                defined.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                defined.add(name)
    return {name for name in used if private(name)}, defined


def deep_imports(trees: list[ast.Module]) -> set[str]:
    """What is imported from inside graphql-core, or from a module whose name begins with an underscore."""
    return {
        f"{node.module}.{alias.name}"
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0
        for alias in node.names
        if node.module.startswith("graphql.") or any(private(part) for part in node.module.split("."))
    }


LISTED = {path.rpartition(".")[2] for _, path in IMPORTS} | {name for *_, name in OF_OBJECTS}
PUBLIC = {
    "graphql.execution.Executor",
    "graphql.execution.create_source_event_stream",
    "graphql.type.GraphQLField",
    "graphql.utilities.find_breaking_changes",
}


def test_every_private_name_in_the_code_is_listed_here():
    trees = sources()
    used, defined = used_and_defined(trees)

    assert sorted(used - defined - LISTED) == []
    assert sorted(deep_imports(trees) - {path for _, path in IMPORTS} - PUBLIC) == []

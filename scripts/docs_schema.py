"""The reference of the graph, from schema.graphql: cost, scopes, upstream and the reason of a null for each field."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from graphql import parse, print_ast, specified_scalar_types
from graphql.language import (
    DefinitionNode,
    DirectiveNode,
    EnumTypeDefinitionNode,
    FieldDefinitionNode,
    InputObjectTypeDefinitionNode,
    InputValueDefinitionNode,
    InterfaceTypeDefinitionNode,
    ListValueNode,
    NonNullTypeNode,
    ObjectTypeDefinitionNode,
    ScalarTypeDefinitionNode,
    StringValueNode,
    TypeNode,
    UnionTypeDefinitionNode,
    ValueNode,
)

SCHEMA = Path(__file__).parent.parent / "schema.graphql"
ROOTS = ("Query", "Mutation", "Subscription")
ERP = "ERP_DATABASE"
HEAD = """# Schema

<!-- Written by `make docs-reference` from schema.graphql; do not edit. -->

Every type of `schema.graphql`. [root-fields.md](root-fields.md) has an example of each field of Query, Mutation and
Subscription. The rules of a field:

- **cost** is the part of the cost of an operation ([limits.md](limits.md)) that the field adds: its weight, and the
  length of its list. A field without this rule costs as much as the objects of its answer, which is 1 for each.
- **scopes** are needed for the field, in addition to those of its type and of the fields above it
  ([identities.md](identities.md)).
- **upstream** is the system that answers the field, with the maximum of keys in one call. A field without this rule is
  answered together with its parent.
- **null** is the reason of a null. *never* means that the field is never null. If a field that is never null fails,
  its parent is null.
"""

Described = DefinitionNode | FieldDefinitionNode | InputValueDefinitionNode


def page() -> str:
    """The page, in Markdown."""
    document = parse(SCHEMA.read_text(encoding="utf-8"), no_location=True)
    types = {node.name.value: node for node in document.definitions if hasattr(node, "name")}
    sources = _sources(types)
    kinds = (
        ("Objects and interfaces", ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode),
        ("Unions", UnionTypeDefinitionNode),
        ("Inputs", InputObjectTypeDefinitionNode),
        ("Enums", EnumTypeDefinitionNode),
        ("Scalars", ScalarTypeDefinitionNode),
    )
    text = HEAD + "".join(_type(types[name], sources) for name in ROOTS)
    for title, kind in kinds:
        chosen = [node for name, node in types.items() if isinstance(node, kind) and name not in ROOTS]
        text += f"\n## {title}\n" + "".join(_type(node, sources, level=3) for node in chosen)
    return text


def _type(node: DefinitionNode, sources: Mapping[str, set[str]], level: int = 2) -> str:
    name = node.name.value  # type: ignore[attr-defined]
    text = f"\n{'#' * level} {name}\n\n{_text(node)}\n\n"
    scopes = _scopes(node)
    text += f"Scopes: {scopes}.\n\n" if scopes else ""
    match node:
        case ObjectTypeDefinitionNode() | InterfaceTypeDefinitionNode():
            head = "| field | meaning | rules |\n|---|---|---|\n"
            return text + head + "".join(_field(field, sources.get(name, set())) for field in node.fields)
        case InputObjectTypeDefinitionNode():
            head = "| field | type | meaning |\n|---|---|---|\n"
            return text + head + "".join(_input(field) for field in node.fields)
        case EnumTypeDefinitionNode():
            rows = [f"| `{value.name.value}` | {_text(value)} |\n" for value in node.values]
            return text + "| value | meaning |\n|---|---|\n" + "".join(rows)
        case UnionTypeDefinitionNode():
            return text + "One of " + ", ".join(_link(one.name.value) for one in node.types) + ".\n"
    return text


def _field(field: FieldDefinitionNode, sources: set[str]) -> str:
    arguments = "".join(f"<br>`{one.name.value}`: {_shown(one.type)}. {_text(one)}" for one in field.arguments or ())
    facts = {
        "cost": _cost(field),
        "scopes": _scopes(field),
        "upstream": _upstreams(field),
        "null": _null(field, sources),
    }
    rules = "<br>".join(f"{name}: {fact}" for name, fact in facts.items() if fact)
    return f"| `{field.name.value}`<br>{_shown(field.type)} | {_text(field)}{arguments} | {rules} |\n"


def _input(field: InputValueDefinitionNode) -> str:
    default = f" Default: `{print_ast(field.default_value)}`." if field.default_value else ""
    return f"| `{field.name.value}` | {_shown(field.type)} | {_text(field)}{default} |\n"


def _text(node: Described) -> str:
    found = getattr(node, "description", None)
    return " ".join(found.value.split()).replace("|", "\\|") if found else ""


def _shown(kind: TypeNode) -> str:
    """The type, with a link to it if it is one of ours."""
    text = print_ast(kind)
    return f"`{text}`" if text.strip("[]!") in specified_scalar_types else f"[`{text}`](#{text.strip('[]!').lower()})"


def _link(name: str) -> str:
    return f"[`{name}`](#{name.lower()})"


def _directives(node: Described, name: str) -> list[dict[str, ValueNode]]:
    chosen: list[DirectiveNode] = [one for one in node.directives or () if one.name.value == name]  # type: ignore[union-attr]
    return [{argument.name.value: argument.value for argument in one.arguments} for one in chosen]


def _strings(value: ValueNode | None) -> list[str]:
    return [one.value for one in value.values if isinstance(one, StringValueNode)] if _is_list(value) else []


def _is_list(value: ValueNode | None) -> bool:
    return isinstance(value, ListValueNode)


def _cost(field: FieldDefinitionNode) -> str:
    parts = [f"weight {one['weight'].value}" for one in _directives(field, "cost")]  # type: ignore[attr-defined]
    for one in _directives(field, "listSize"):
        slicing = [f"`{name}`" for name in _strings(one.get("slicingArguments"))]
        assumed = [print_ast(one["assumedSize"])] if "assumedSize" in one else []
        parts.append(f"list of {' or '.join([*slicing, *assumed])}")
    return ", ".join(parts)


def _scopes(node: Described) -> str:
    found = _directives(node, "requiresScopes")
    sets = [_strings(one) for one in found[0]["scopes"].values] if found else []  # type: ignore[attr-defined]
    return " or ".join(" and ".join(f"`{scope}`" for scope in one) for one in sets)


def _upstreams(field: FieldDefinitionNode) -> str:
    return ", ".join(
        f"`{print_ast(one['system'])}`" + (f" ({print_ast(one['batchMax'])} keys)" if "batchMax" in one else "")
        for one in _directives(field, "upstream")
    )


def _null(field: FieldDefinitionNode, sources: set[str]) -> str:
    """Why the field may be null: the reason in its description goes first, and then the scope and the upstream."""
    if isinstance(field.type, NonNullTypeNode):
        return "never"
    systems = _systems(field)
    reasons = ["as the meaning says"] if "null" in _text(field).lower() else []
    if systems:
        names = "the ERP's database" if systems == [ERP] else "the upstream"
        reasons.append(f"with an error if {names} does not answer")
    if _scopes(field):
        reasons.append("with an error if the caller lacks the scope")
    if not systems and "null" not in _text(field).lower():
        reasons.insert(0, _absent(sources))
    return "; ".join(reasons)


def _absent(sources: set[str]) -> str:
    if sources - {ERP}:
        return "the upstream has no value, or does not offer it"
    return "the ERP has no value" if sources else "there is none"


def _systems(field: FieldDefinitionNode) -> list[str]:
    return [print_ast(one["system"]) for one in _directives(field, "upstream")]


def _sources(types: Mapping[str, DefinitionNode]) -> dict[str, set[str]]:
    """The systems that answer the objects of each type, by the fields of queries that lead to them."""
    found: dict[str, set[str]] = {name: set() for name in types}
    leads = [*_leads(types)]
    for _ in types:
        for parent, child, systems in leads:
            found[child] |= systems or found[parent]
    return found


def _leads(types: Mapping[str, DefinitionNode]) -> Iterator[tuple[str, str, set[str]]]:
    """Each field and each member of a union: the type that has it, the type that it leads to, and its systems."""
    for name, node in types.items():
        if name in {"Mutation", "Subscription"}:
            continue
        if isinstance(node, UnionTypeDefinitionNode):
            yield from ((name, member.name.value, set()) for member in node.types)
        elif isinstance(node, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode):
            for field in node.fields:
                child = print_ast(field.type).strip("[]!")
                if child in types:
                    yield name, child, set(_systems(field))

"""Random operations of a schema: aliases, fragments of every kind, merging, conditions, arguments, variables."""

import random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    NoUnusedFragmentsRule,
    NoUnusedVariablesRule,
    OverlappingFieldsCanBeMergedRule,
    ValuesOfCorrectTypeRule,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    parse,
    validate,
)

# The rules that a random document may break. A `Writer` keeps all others, which take most of the time of a validation.
BREAKABLE = (NoUnusedFragmentsRule, NoUnusedVariablesRule, ValuesOfCorrectTypeRule, OverlappingFieldsCanBeMergedRule)
LITERALS = {"Int": ["0", "1", "-3"], "Boolean": ["true", "false"], "ID": ['"1"'], "String": ['"a"'], "Float": ["1.5"]}


class Writer:
    """Writes one document; `variables` is what goes with it."""

    def __init__(
        self,
        schema: Any,
        dice: random.Random,
        *,
        deepest: int = 5,
        widest: int = 5,
        literals: Any = None,
        without: Any = (),
    ) -> None:
        self._literals = LITERALS | (literals or {})
        self._without = frozenset(without)
        self._schema = schema
        self._dice = dice
        self._deepest = deepest
        self._widest = widest
        self._fragments: dict[str, tuple[str, str]] = {}
        self._declared: dict[str, str] = {}
        self.variables: dict[str, Any] = {}

    def document(self, operation: str = "query") -> str:
        root = self._schema.mutation_type if operation == "mutation" else self._schema.query_type
        body = self._selection(root, 0)
        declared = ", ".join(f"${name}: {kind}" for name, kind in self._declared.items())
        fragments = "".join(f"\nfragment {name} on {on} {text}" for name, (on, text) in self._fragments.items())
        return f"{operation} Random{f'({declared})' if declared else ''} {body}{fragments}"

    def _selection(self, on: Any, depth: int) -> str:
        parts = [self._part(on, depth) for _ in range(self._dice.randint(1, self._widest))]
        return "{ " + " ".join(parts) + " }"

    def _part(self, on: Any, depth: int) -> str:
        chance = self._dice.random()
        if depth and chance < 0.12:
            target = self._narrower(on)
            return f"... on {target.name}{self._condition()} {self._selection(target, depth + 1)}"
        if depth and chance < 0.16:
            return f"...{self._condition()} {self._selection(on, depth + 1)}"
        if depth and chance < 0.26:
            return f"...{self._fragment(on, depth)}{self._condition()}"
        if chance < 0.32 or not getattr(on, "fields", None):
            return f"{self._alias()}__typename"
        return self._field(on, depth)

    def _field(self, on: Any, depth: int) -> str:
        names = [
            name
            for name, field in on.fields.items()
            if (depth < self._deepest or not is_composite_type(get_named_type(field.type)))
            and f"{on.name}.{name}" not in self._without
        ]
        if not names:
            return "__typename"
        name = self._dice.choice(names)
        field = on.fields[name]
        named = get_named_type(field.type)
        below = f" {self._selection(named, depth + 1)}" if is_composite_type(named) else ""
        return f"{self._alias()}{name}{self._arguments(field)}{self._condition()}{below}"

    def _alias(self) -> str:
        return f"{self._dice.choice('abc')}{self._dice.randrange(3)}: " if self._dice.random() < 0.3 else ""

    def _condition(self) -> str:
        if self._dice.random() > 0.15:
            return ""
        which = self._dice.choice(["skip", "include"])
        if self._dice.random() < 0.4:
            return f" @{which}(if: {self._dice.choice(['true', 'false'])})"
        name = f"if{self._dice.randrange(3)}"
        self._declared[name] = (
            self._dice.choice(["Boolean!", "Boolean = true"]) if name not in self._declared else (self._declared[name])
        )
        if self._declared[name] == "Boolean!":
            self.variables[name] = self._dice.random() < 0.6
        return f" @{which}(if: ${name})"

    def _fragment(self, on: Any, depth: int) -> str:
        name = f"F{len(self._fragments)}"
        target = self._narrower(on) if self._dice.random() < 0.5 else on
        self._fragments[name] = (target.name, "")
        self._fragments[name] = (target.name, self._selection(target, depth + 1))
        same = [known for known, (kind, text) in self._fragments.items() if kind == target.name and text]
        return self._dice.choice(same)

    def _narrower(self, on: Any) -> Any:
        if is_object_type(on):
            return self._dice.choice([on, *on.interfaces])
        return self._dice.choice([on, *self._schema.get_possible_types(on)])

    def _arguments(self, field: Any) -> str:
        given = []
        for name, argument in field.args.items():
            if is_non_null_type(argument.type) or self._dice.random() < 0.3:
                given.append(f"{name}: {self._value(argument.type)}")
        return f"({', '.join(given)})" if given else ""

    def _value(self, kind: Any) -> str:
        named = get_named_type(kind)
        if named.name == "Int" and not is_list_type(get_nullable_type(kind)) and self._dice.random() < 0.4:
            return self._variable(kind)
        return self._literal(kind)

    def _variable(self, kind: Any) -> str:
        name = f"n{self._dice.randrange(4)}{'s' if is_non_null_type(kind) else ''}"
        self._declared[name] = str(kind)
        if is_non_null_type(kind) or self._dice.random() < 0.7:
            self.variables[name] = self._dice.choice([0, 1, 5])
        return f"${name}"

    def _literal(self, kind: Any) -> str:
        if is_non_null_type(kind):
            kind = kind.of_type
        elif self._dice.random() < 0.1:
            return "null"
        if is_list_type(kind):
            return f"[{', '.join(self._literal(kind.of_type) for _ in range(self._dice.randrange(3)))}]"
        if kind.name in self._literals:
            return self._dice.choice(self._literals[kind.name])
        if isinstance(kind, GraphQLEnumType):
            return self._dice.choice(list(kind.values))
        if isinstance(kind, GraphQLInputObjectType):
            chosen = [name for name in kind.fields if self._dice.random() < 0.4]
            return "{" + ", ".join(f"{name}: {self._value(kind.fields[name].type)}" for name in chosen) + "}"
        return '"2"'


def is_valid(schema: Any, document: Any) -> bool:
    """Whether the document breaks none of these rules, of which the quickest comes first."""
    return not any(validate(schema, document, [rule], max_errors=1) for rule in BREAKABLE)


def random_operation(
    schema: Any, seed: int, operation: str = "query", **bounds: Any
) -> tuple[str, Any, dict[str, Any]]:
    """A valid document, parsed too, and its variables: the first valid one that the seed leads to."""
    for attempt in range(1000):
        writer = Writer(schema, random.Random(f"{seed}/{attempt}"), **bounds)
        text = writer.document(operation)
        document = parse(text)
        if is_valid(schema, document):
            return text, document, writer.variables
    raise AssertionError(f"no valid operation within 1,000 tries of seed {seed}")

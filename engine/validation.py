"""Whether a document is valid, told at a third of what graphql-core takes, by the same rules of graphql-core.

Spared are: visits of names, which no rule looks at; asking each rule anew for each kind of node whether it wants it;
rules about what the text does not hold; and hashing a whole tree wherever something is remembered of it. What is wrong
with a document that is not valid is then told by graphql-core itself.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NoReturn

from graphql import (
    ASTValidationRule,
    DeferStreamDirectiveLabel,
    DeferStreamDirectiveOnRootField,
    DeferStreamDirectiveOnValidOperationsRule,
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    KnownDirectivesRule,
    Node,
    NoUndefinedVariablesRule,
    NoUnusedVariablesRule,
    OperationDefinitionNode,
    SelectionSetNode,
    StreamDirectiveOnListField,
    TypeInfo,
    UniqueDirectivesPerLocationRule,
    UniqueVariableNamesRule,
    ValidationContext,
    VariablesAreInputTypesRule,
    VariablesInAllowedPositionRule,
    Visitor,
    specified_rules,
    validate,
    visit,
)
from graphql.language.ast import QUERY_DOCUMENT_KEYS
from graphql.language.visitor import BREAK, SKIP, EnterLeaveVisitor
from graphql.validation.validate import FragmentNestingVisitor, ValidationAbortedError
from graphql.validation.validation_context import VariableUsage, VariableUsageVisitor

from engine.one_of import OneOfVariablesRule

_MAX_ERRORS = 20
_RULES = (*specified_rules, OneOfVariablesRule)
_VARIABLE_RULES = frozenset(
    (
        NoUndefinedVariablesRule,
        NoUnusedVariablesRule,
        OneOfVariablesRule,
        UniqueVariableNamesRule,
        VariablesAreInputTypesRule,
        VariablesInAllowedPositionRule,
    )
)
_INCREMENTAL_RULES = frozenset(
    (
        DeferStreamDirectiveLabel,
        DeferStreamDirectiveOnRootField,
        DeferStreamDirectiveOnValidOperationsRule,
        StreamDirectiveOnListField,
    )
)
_DIRECTIVE_RULES = _INCREMENTAL_RULES | {KnownDirectivesRule, UniqueDirectivesPerLocationRule}
_SKIPPED_KEYS = ("name", "alias", "description")
_KEYS = {kind: tuple(key for key in keys if key not in _SKIPPED_KEYS) for kind, keys in QUERY_DOCUMENT_KEYS.items()}


class _Invalid(Exception):
    """Something is wrong with the document."""


def find_problems(schema: GraphQLSchema, document: DocumentNode, text: str) -> list[GraphQLError]:
    """What is wrong with the document of this text; nothing, if it is valid."""
    if _is_valid(schema, document, text):
        return []
    return validate(schema, document, rules_of(schema), max_errors=_MAX_ERRORS)


def rules_of(schema: GraphQLSchema) -> Sequence[type[ASTValidationRule]]:
    """Those that the schema is subject to. Where it knows neither @defer nor @stream KnownDirectivesRule refuses them;
    graphql-core's rules about them fail with AttributeError at a union.
    """
    return _rules(variables=True, directives=True, increments=_has_increments(schema))


def _has_increments(schema: GraphQLSchema) -> bool:
    return any(directive.name in {"defer", "stream"} for directive in schema.directives)


def _is_valid(schema: GraphQLSchema, document: DocumentNode, text: str) -> bool:
    types = TypeInfo(schema)
    context = _Context(schema, document, types, _refuse)
    wanted = _rules(variables="$" in text, directives="@" in text, increments=_has_increments(schema))
    visitors: list[Visitor] = [rule(context) for rule in wanted]
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    if fragments:
        visitors.append(FragmentNestingVisitor(fragments))
    try:
        visit(document, _ParallelVisitor(types, visitors), _KEYS)
    except (_Invalid, RecursionError, ValidationAbortedError):
        return False
    return True


def _refuse(_: GraphQLError) -> NoReturn:
    raise _Invalid


@lru_cache(8)
def _rules(*, variables: bool, directives: bool, increments: bool) -> tuple[type[ASTValidationRule], ...]:
    """Those that could find anything in a text with or without these; a mark inside a string does no harm."""
    idle: set[type[ASTValidationRule]] = set()
    for those, are_met in (
        (_VARIABLE_RULES, variables),
        (_DIRECTIVE_RULES, directives),
        (_INCREMENTAL_RULES, increments),
    ):
        if not are_met:
            idle |= those
    return tuple(rule for rule in _RULES if rule not in idle)


class _Context(ValidationContext):
    """Remembers by what a node is, not by what it holds: hash() of a node goes through all below it."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._of_node: dict[int, list[VariableUsage]] = {}
        self._of_operation: dict[int, list[VariableUsage]] = {}
        self._spreads: dict[int, list[FragmentSpreadNode]] = {}

    def get_variable_usages(self, node: OperationDefinitionNode | FragmentDefinitionNode) -> list[VariableUsage]:
        known = self._of_node.get(id(node))
        if known is None:
            fragment = node if isinstance(node, FragmentDefinitionNode) else None
            found = VariableUsageVisitor(self._type_info, fragment)
            visit(node, _ParallelVisitor(self._type_info, [found]), _KEYS)
            known = self._of_node[id(node)] = found.usages
        return known

    def get_recursive_variable_usages(self, operation: OperationDefinitionNode) -> list[VariableUsage]:
        known = self._of_operation.get(id(operation))
        if known is None:
            known = self._of_operation[id(operation)] = super().get_recursive_variable_usages(operation)
        return known

    def get_fragment_spreads(self, node: SelectionSetNode) -> list[FragmentSpreadNode]:
        known = self._spreads.get(id(node))
        if known is None:
            known = self._spreads[id(node)] = super().get_fragment_spreads(node)
        return known


class _ParallelVisitor(Visitor):
    """Lets everybody see a kind of node who wants to, after what is known of types has been brought up to it."""

    def __init__(self, types: TypeInfo, visitors: Sequence[Visitor]) -> None:
        super().__init__()
        self._types = types
        self._visitors = visitors
        self._classes = tuple(type(visitor) for visitor in visitors)
        # For each visitor the node below which it wants to see nothing, or BREAK.
        self._skipping: list[Any] = [None] * len(visitors)

    def get_enter_leave_for_kind(self, kind: str) -> EnterLeaveVisitor:
        known = self.enter_leave_map.get(kind)
        if known is None:
            known = self.enter_leave_map[kind] = EnterLeaveVisitor(self._make_enter(kind), self._make_leave(kind))
        return known

    def _make_enter(self, kind: str) -> Callable[..., None]:
        note, visitors, skipping = self._types.enter, self._visitors_for("enter", kind), self._skipping

        def enter(node: Node, *where: Any) -> None:
            note(node)
            for place, see in visitors:
                if skipping[place] is None:
                    answer = see(node, *where)
                    if answer is not None:
                        skipping[place] = node if answer is SKIP else BREAK

        return enter

    def _make_leave(self, kind: str) -> Callable[..., None]:
        forget, visitors, skipping = self._types.leave, self._visitors_for("leave", kind), self._skipping
        entered = [place for place, _ in self._visitors_for("enter", kind)]

        def leave(node: Node, *where: Any) -> None:
            for place, see in visitors:
                # That there is nothing more to see below is what some say who leave; it means nothing.
                if skipping[place] is None and see(node, *where) not in (None, SKIP):
                    skipping[place] = BREAK
            for place in entered:
                if skipping[place] is node:
                    skipping[place] = None
            forget(node)

        return leave

    def _visitors_for(self, when: str, kind: str) -> list[tuple[int, Callable[..., Any]]]:
        methods = _methods(self._classes, when, kind)
        return [(place, getattr(self._visitors[place], method)) for place, method in methods]


@lru_cache(500)
def _methods(classes: tuple[type[Visitor], ...], when: str, kind: str) -> tuple[tuple[int, str], ...]:
    """Which of them have a method for this kind of node, or else one for all."""
    names = (f"{when}_{kind}", when)
    found = ((place, name) for place, of in enumerate(classes) for name in names[: 1 if hasattr(of, names[0]) else 2])
    return tuple((place, name) for place, name in found if hasattr(classes[place], name))

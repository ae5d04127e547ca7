"""Validation of documents by the rules of graphql-core, in a third of graphql-core's time.

Time is saved in four ways:

- Names are not visited, because no rule uses them.
- The methods of a rule for each kind of node are looked up once.
- A rule does not run if the text has nothing that concerns the rule.
- Caches use the identity of a node, because its hash goes through the whole tree.

graphql-core itself reports the errors of an invalid document.
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
    """The document is invalid."""


def find_problems(schema: GraphQLSchema, document: DocumentNode, text: str) -> list[GraphQLError]:
    """Return the errors of the document with this text. The list is empty if the document is valid."""
    if _is_valid(schema, document, text):
        return []
    return validate(schema, document, rules_of(schema), max_errors=_MAX_ERRORS)


def rules_of(schema: GraphQLSchema) -> Sequence[type[ASTValidationRule]]:
    """Return the rules for the schema.

    A schema without @defer and @stream omits the rules about them, because these rules fail with AttributeError at a
    union. KnownDirectivesRule refuses the two directives in such a schema.
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
    """Return the rules that could find an error in the text. A `$` or `@` in a string only adds rules."""
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
    """Validation context with caches by the identity of nodes, because hash() of a node goes through its whole tree."""

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
    """Visitor that runs several visitors in one pass. It updates the type information before they see a node."""

    def __init__(self, types: TypeInfo, visitors: Sequence[Visitor]) -> None:
        super().__init__()
        self._types = types
        self._visitors = visitors
        self._classes = tuple(type(visitor) for visitor in visitors)
        # For each visitor: the node whose subtree it skips, or BREAK.
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
                # Some visitors return SKIP when they leave a node. SKIP has no meaning there.
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
    """Return the visitors with a method for this kind of node, or with a method for all kinds."""
    names = (f"{when}_{kind}", when)
    found = ((place, name) for place, of in enumerate(classes) for name in names[: 1 if hasattr(of, names[0]) else 2])
    return tuple((place, name) for place, name in found if hasattr(classes[place], name))

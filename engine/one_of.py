"""Validation rule for variables of @oneOf inputs. graphql-core 3.3 applies it only to a nullable input."""

from typing import Any

from graphql import (
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLNonNull,
    NonNullTypeNode,
    OperationDefinitionNode,
    ValidationRule,
    VariableDefinitionNode,
    get_nullable_type,
)


class OneOfVariablesRule(ValidationRule):
    """Rule: a variable that is the member of a @oneOf input must not be nullable.

    graphql-core's VariablesInAllowedPositionRule does not recognise an input object whose type ends in `!`.
    """

    def leave_operation_definition(self, operation: OperationDefinitionNode, *_: Any) -> None:
        declared = {node.variable.name.value: node for node in operation.variable_definitions or ()}
        for usage in self.context.get_recursive_variable_usages(operation):
            definition = declared.get(usage.node.name.value)
            parent = usage.parent_type
            if definition is not None and _must_have_one(parent) and not isinstance(definition.type, NonNullTypeNode):
                self._refuse(definition, usage.node, get_nullable_type(parent))

    def _refuse(self, definition: VariableDefinitionNode, use: Any, parent: Any) -> None:
        name = definition.variable.name.value
        problem = f"Variable '${name}' must be non-nullable to be used for OneOf Input Object '{parent}'."
        self.report_error(GraphQLError(problem, [definition, use]))


def _must_have_one(kind: Any) -> bool:
    inner = kind.of_type if isinstance(kind, GraphQLNonNull) else None
    return isinstance(inner, GraphQLInputObjectType) and inner.is_one_of

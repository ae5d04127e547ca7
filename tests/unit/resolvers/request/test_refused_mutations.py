"""Root fields because of which nothing of an operation runs."""

import pytest
from graphql.execution.values import get_variable_values

from resolvers.request.document_limits import DocumentLimits
from resolvers.request.documents import Documents, RunnableOperation
from resolvers.request.refused_mutations import refused_whole
from resolvers.request.selection import Selector
from resolvers.schema import core_schema

DEPOSIT = """deposit(input: { account: { account: { server: "R1", login: "1" } }, amount: "1", currency: USD,
                              idempotencyKey: "k" }) { __typename }"""
FORBIDDEN = {"Mutation.deposit": ("deposit:create",), "Query.__schema": ("schema:read",), "Query.clients": ("x",)}


def refused(text, **variables):
    document = Documents(core_schema, DocumentLimits(), introspection=True).read(text)
    operation = document.operation(None)
    coerced = get_variable_values(core_schema, operation.variable_definitions or (), variables)
    runnable = RunnableOperation(document, operation, coerced)
    errors = refused_whole(Selector(core_schema, runnable, 50), FORBIDDEN, operation.operation)
    assert all(error.nodes and error.extensions["code"] == "FORBIDDEN" for error in errors)
    return [error.path for error in errors]


def test_each_forbidden_mutation_is_refused_wherever_it_is_spread():
    text = f"mutation {{ a: {DEPOSIT} ...F ... {{ c: {DEPOSIT} }} }} fragment F on Mutation {{ b: {DEPOSIT} }}"

    assert refused(text) == [["a"], ["b"], ["c"]]


@pytest.mark.parametrize("left_out", [True, False])
def test_a_mutation_that_a_condition_leaves_out_refuses_nothing(left_out):
    text = f"mutation ($no: Boolean!) {{ a: {DEPOSIT} }}".replace(") { __typename", ") @skip(if: $no) { __typename")

    assert refused(text, no=left_out) == ([] if left_out else [["a"]])


def test_of_a_query_introspection_alone_is_refused():
    assert refused("{ s: __schema { description } clients { totalCount } }") == [["s"]]

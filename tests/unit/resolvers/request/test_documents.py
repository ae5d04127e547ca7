"""What is kept of documents has an end, whatever is sent."""

import pytest
from graphql.execution.values import get_variable_values

from resolvers.request.cost import Costs
from resolvers.request.document_limits import DocumentLimits
from resolvers.request.documents import Documents, RunnableOperation, Unacceptable
from resolvers.schema import core_schema


def text(name: str, size: int = 1) -> str:
    return f"query {name} {{ viewer {{ {'name ' * size} }} }}"


@pytest.fixture
def documents() -> Documents:
    return Documents(core_schema, DocumentLimits(), introspection=False)


def test_a_document_that_comes_again_is_the_one_that_was_kept(documents):
    assert documents.read(text("a")) is documents.read(text("a"))


def test_large_documents_push_out_as_many_as_they_take_the_place_of(monkeypatch):
    monkeypatch.setattr("resolvers.request.documents._MOST_TOKENS", 1000)
    monkeypatch.setattr("resolvers.request.documents._FEWEST_TOKENS", 10)
    documents = Documents(core_schema, DocumentLimits(), introspection=False)
    first = documents.read(text("first"))
    small = documents.read(text("small"))

    for number in range(5):
        documents.read(text(f"large{number}", 230))
        assert documents.read(text("small")) is small, "it is used all the time"

    assert documents.read(text("first")) is not first
    assert documents.read(text("large0", 230)).tokens > 230


def test_small_documents_are_bounded_by_their_number(monkeypatch):
    monkeypatch.setattr("resolvers.request.documents._MOST_TOKENS", 1000)
    documents = Documents(core_schema, DocumentLimits(), introspection=False)

    first, *_ = [documents.read(text(f"small{number}")) for number in range(5)]

    assert documents.read(text("small0")) is not first
    assert documents.read(text("small4")) is documents.read(text("small4"))


def test_of_many_operations_a_document_keeps_the_last_few(documents):
    document = documents.read(" ".join(text(f"o{number}") for number in range(50)))
    costs, nothing = Costs(core_schema, 50), get_variable_values(core_schema, (), {})

    for number in range(50):
        runnable = RunnableOperation(document, document.operation(f"o{number}"), nothing)
        assert costs.of(runnable).total == 1
        document.plans[f"o{number}"] = None

    assert list(document.costs) == list(document.plans) == [f"o{number}" for number in range(42, 50)]


@pytest.mark.parametrize("number", ["9" * 5000, "9" * 1001, "1." + "9" * 5000, "1e" + "9" * 5000])
def test_a_number_that_python_would_not_read_is_refused_with_its_place(documents, number):
    with pytest.raises(Unacceptable) as refused:
        documents.read(f"{{ clients(first: {number}) {{ totalCount }} }}")

    [error] = refused.value.errors
    assert error.extensions == {"code": "BAD_USER_INPUT"}
    assert error.locations[0].column == 18
    assert len(error.message) < 100

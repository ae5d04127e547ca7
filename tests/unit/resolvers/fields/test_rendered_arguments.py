"""The arguments of a rendering's fields, as its parameters read them."""

from types import SimpleNamespace

from resolvers.fields.statement_rendering import StatementRendering


def test_parameters_convert_the_arguments_of_a_field_once():
    wanted, converted = object(), []

    def arguments(field):
        converted.append(field)
        return {"first": 5, "after": None}

    values = [lambda _context, of, name=name: of(wanted)[name] for name in ("first", "after")]
    rendering = SimpleNamespace(_values=values, _unused=[values[0]])

    assert StatementRendering._parameters(rendering, None, arguments) == (5, None)  # noqa: SLF001 - its callers need a server.
    assert converted == [wanted]

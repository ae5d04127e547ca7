"""The way in: one engine per schema, for the life of the process."""

from typing import Any

from graphql import DocumentNode, GraphQLSchema, OperationDefinitionNode, default_field_resolver
from graphql.execution.values import VariableValues

from engine.execution import Outcome, Refusals, Run
from engine.field_plans import Definitions
from engine.plan import Plan, make_plan
from engine.resolution import ValueResolver


class Engine:
    """Plans and runs operations of a schema, Strawberry's (`schema._schema`) or any of graphql-core's.

    A selection is interpreted `hot_after` times before code is generated for it.
    """

    def __init__(self, schema: GraphQLSchema, strawberry: Any = None, *, hot_after: int = 2) -> None:
        self._schema = schema
        self._converter = None if strawberry is None else strawberry.schema_converter
        config = None if self._converter is None else self._converter.config
        self._definitions = Definitions(
            plain_attributes=config is not None and config.default_resolver is getattr,
            has_exception_handlers=bool(getattr(self._converter, "_exception_handler_specs", ())),
        )
        self._hot_after = hot_after

    def plan(self, document: DocumentNode, operation: OperationDefinitionNode) -> Plan | None:
        """The plan of a valid document's operation, to be kept with the document; None for what graphql-core runs:
        subscriptions, introspection, @defer and @stream, fragments with variables.
        """
        return make_plan(self._schema, document, operation, self._definitions, self._hot_after)

    async def run(  # noqa: PLR0913 - what graphql-core's `execute` takes.
        self,
        plan: Plan,
        variables: VariableValues,
        context: Any = None,
        *,
        root: Any = None,
        refused: Refusals | None = None,
        rendered: bool = True,
        field_resolver: Any = None,
        type_resolver: Any = None,
    ) -> Outcome | None:
        """Run a plan with coerced variables. None, with nothing done, where graphql-core has to run it after all: a
        variable of @skip or @include is null, which it words better. `refused` says what this caller may not have, by
        coordinate, and the error that stands there instead. Without `rendered` every field is resolved.
        """
        variant = plan.variant(variables)
        if variant is None:
            return None
        variant.warm_up()
        resolver = ValueResolver(
            plan, variables, context, root, field_resolver or default_field_resolver, self._converter
        )
        run = Run(variant, resolver, context, refused or {}, type_resolver, rendered=rendered)
        return await run.run(root, serially=plan.is_serial)

"""Entry point: one engine for each schema, for the life of the process."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from graphql import DocumentNode, GraphQLError, GraphQLSchema, OperationDefinitionNode, default_field_resolver
from graphql.execution.values import VariableValues

from engine.execution import LevelSpan, Outcome, Refusals, Run
from engine.field_plans import Definitions
from engine.joint_field import JointField
from engine.joint_run import Deliver, JointRun, arguments_for
from engine.plan import Plan, Variant, make_plan
from engine.resolution import ValueResolver


class Engine:
    """Executor of one schema's operations: Strawberry's (`schema._schema`), or any schema of graphql-core.

    A selection is interpreted `hot_after` times. Then the engine generates code for it.
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
        """Plan an operation of a valid document. The caller stores the plan with the document.

        Returns None for an operation that graphql-core runs: subscriptions, introspection, @defer and @stream,
        fragments with variables.
        """
        return make_plan(self._schema, document, operation, self._definitions, self._hot_after)

    async def run(  # noqa: PLR0913 - the parameters of graphql-core's `execute`.
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
        level_span: LevelSpan | None = None,
    ) -> Outcome | None:
        """Run a plan with coerced variables.

        - Returns None, before any call, if a variable of @skip or @include is null. graphql-core then runs the
          operation, because its error message is better.
        - `refused` maps the coordinates that this caller may not read to the error that appears there.
        - If `rendered` is false, every field is resolved.
        - `level_span` measures each level.
        """
        variant = plan.variant(variables)
        if variant is None:
            return None
        variant.warm_up()
        resolver = self._resolver(plan, variables, context, root, field_resolver)
        run = Run(variant, resolver, context, refused or {}, type_resolver, level_span, rendered=rendered)
        return await run.run(root, serially=plan.is_serial)

    def joins(self, plan: Plan, joint: JointField, variables: VariableValues, context: Any) -> bool:
        """Whether this request may run together with others. `joint` is the joint field of the plan's variant."""
        try:
            return joint.rendering.joins(context, partial(arguments_for, self._resolver(plan, variables, context)))
        except GraphQLError:
            return False

    async def run_together(  # noqa: PLR0913, PLR0917 - the parameters of a run.
        self,
        plan: Plan,
        variant: Variant,
        joint: JointField,
        variables: Sequence[VariableValues],
        context: Any,
        deliver: Deliver,
    ) -> None:
        """Run a variant with its joint field for several requests. Their variables differ only in the arguments of this
        field. `deliver` gets the outcome of each request as soon as it is ready. Raises what the rendering raises.
        """
        resolvers = [self._resolver(plan, one, context) for one in variables]
        await JointRun(variant, joint, resolvers, context, deliver).run_all()

    def _resolver(
        self, plan: Plan, variables: VariableValues, context: Any, root: Any = None, field_resolver: Any = None
    ) -> ValueResolver:
        return ValueResolver(plan, variables, context, root, field_resolver or default_field_resolver, self._converter)

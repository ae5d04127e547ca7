"""What the schema says of its fields: which upstream answers, and which scopes are needed."""

import strawberry
from strawberry.schema_directive import Location

from core.errors import ERP_DATABASE
from resolvers.policy.enums import UpstreamSystem
from resolvers.policy.scopes import Scope
from upstreams.vendors.kit.vendor import Role
from upstreams.vendors.registry import offering


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    repeatable=True,
    description="Which upstream answers this field, and how many keys one call of it can carry. Drives the call plan.",
)
class Upstream:
    system: UpstreamSystem = strawberry.directive_field(name="system")
    batch_max: int | None = strawberry.directive_field(name="batchMax", default=strawberry.UNSET)


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION, Location.OBJECT],
    description="Scopes that the caller must hold (outer list: any of; inner list: all of).",
)
class RequiresScopes:
    scopes: list[list[str]] = strawberry.directive_field(name="scopes")


def needs(*any_of: Scope | tuple[Scope, ...]) -> RequiresScopes:
    """Any one of these will do; a tuple is a set of scopes that are needed together."""
    return RequiresScopes(scopes=[[str(scope) for scope in _together(one)] for one in any_of])


def _together(one: Scope | tuple[Scope, ...]) -> tuple[Scope, ...]:
    return one if isinstance(one, tuple) else (one,)


ERP_STATEMENT = Upstream(system=UpstreamSystem(ERP_DATABASE))

# Our own state usually lies in the ERP's database and always speaks the same language, so the schema names no other
# system; the call plan, which counts it apart, knows it by being this very object.
STATE_STATEMENT = Upstream(system=UpstreamSystem(ERP_DATABASE))


def asks(role: Role, batch_max: int | None = None) -> list[Upstream]:
    """One directive for each vendor that the field may ask; each call carries `batch_max` keys, or all."""
    batch = strawberry.UNSET if batch_max is None else batch_max
    return [Upstream(system=UpstreamSystem(vendor.system), batch_max=batch) for vendor in offering(role).values()]

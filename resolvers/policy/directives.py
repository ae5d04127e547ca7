"""The directives of fields: the upstream that answers, and the required scopes."""

import strawberry
from strawberry.schema_directive import Location

from core.errors import ERP_DATABASE
from resolvers.policy.enums import UpstreamSystem
from resolvers.policy.scopes import Scope
from upstreams.vendors.kit.vendor import Listing, Role
from upstreams.vendors.registry import offering


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    repeatable=True,
    description="The upstream that answers this field, and the maximum of keys in one call. The call plan is computed "
    "from this directive.",
)
class Upstream:
    system: UpstreamSystem = strawberry.directive_field(name="system")
    batch_max: int | None = strawberry.directive_field(name="batchMax", default=strawberry.UNSET)
    listing: strawberry.Private[Listing | None] = None
    """The port of the trading servers that predicts its calls; not in the schema."""


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION, Location.OBJECT],
    description="The scopes that the caller must hold: all scopes of one inner list. Any one of the inner lists is "
    "enough.",
)
class RequiresScopes:
    scopes: list[list[str]] = strawberry.directive_field(name="scopes")


def needs(*any_of: Scope | tuple[Scope, ...]) -> RequiresScopes:
    """The directive that requires any one of the arguments. A tuple requires all its scopes together."""
    return RequiresScopes(scopes=[[str(scope) for scope in _together(one)] for one in any_of])


def _together(one: Scope | tuple[Scope, ...]) -> tuple[Scope, ...]:
    return one if isinstance(one, tuple) else (one,)


ERP_STATEMENT = Upstream(system=UpstreamSystem(ERP_DATABASE))

# Because the state schema is usually in the ERP's database, the schema names the same system. The call plan counts
# statements of the state database separately and recognises this object by identity.
STATE_STATEMENT = Upstream(system=UpstreamSystem(ERP_DATABASE))


def asks(role: Role, batch_max: int | None = None) -> list[Upstream]:
    """One directive for each vendor that the field may call. A call carries `batch_max` keys; None: all keys."""
    batch = strawberry.UNSET if batch_max is None else batch_max
    return [Upstream(system=UpstreamSystem(vendor.system), batch_max=batch) for vendor in offering(role).values()]


def lists(port: Listing) -> list[Upstream]:
    """One directive for each vendor whose trading servers have this port."""
    return [Upstream(system=UpstreamSystem(vendor.system), listing=port) for vendor in offering(port).values()]

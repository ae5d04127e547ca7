"""The call plan: the upstream calls of an operation, predicted before the operation runs (docs/resolvers.md).

The number of statements is exact. The number of keys is an upper bound, because every page is assumed to be full. The
number of calls to trading platforms is an upper bound, because the servers of the accounts are not known yet.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from core.call import STATE_DATABASE, Tally
from resolvers.context import GraphLimits
from resolvers.federation import entity_reads
from resolvers.policy.cost_table import ENTITIES
from resolvers.policy.directives import STATE_STATEMENT, Upstream, asks
from resolvers.policy.enums import UpstreamSystem
from resolvers.request.selection import Selected, Selection
from resolvers.types.clients import snapshot_reads
from resolvers.types.lookup_inputs import node_reads
from upstreams.vendors.kit.protocol import Platform
from upstreams.vendors.kit.trade_ports import ListsAccounts
from upstreams.vendors.kit.vendor import LISTINGS, Listing

# Live figures beyond the account's own record come from a second vendor function, and the currency from the account's
# group.
_SECOND_FUNCTION = ("equity", "margin", "freeMargin", "marginLevel")
_UNLIMITED = 1_000_000_000
_BY_ID = {"Query.node": node_reads, "Query.nodes": node_reads, ENTITIES: entity_reads}
_CLIENTS = "Query.clients"


class Ports(NamedTuple):
    """The trading servers' ports by system. `batches` has the number of logins in one call for live figures."""

    batches: Mapping[UpstreamSystem, Sequence[int]]
    listings: Mapping[tuple[Listing, UpstreamSystem], Sequence[ListsAccounts]]


def ports_of(platforms: Iterable[Platform]) -> Ports:
    """The ports of these servers. A vendor without a server with live figures has an empty list."""
    batches: dict[UpstreamSystem, list[int]] = {one.system: [] for one in asks("live")}
    listings: defaultdict[tuple[Listing, UpstreamSystem], list[ListsAccounts]] = defaultdict(list)
    for platform in platforms:
        system = UpstreamSystem(platform.system)
        if platform.live is not None:
            batches[system].append(platform.live.batch_max)
        for listing in LISTINGS:
            port: ListsAccounts | None = getattr(platform, listing)
            if port is not None:
                listings[listing, system].append(port)
    return Ports(batches, listings)


class _Asked(NamedTuple):
    """Of live figures: how many of the vendor's functions are called, and for how many groups at most."""

    keys: int
    upstreams: list[Upstream]
    functions: int = 1
    groups: int = 0


class _Walk:
    """Adds up the calls and keys of each upstream. Equal fields of a level share a call, with any aliases."""

    def __init__(self, limits: GraphLimits) -> None:
        self._limits = limits
        # By the path of fields and the look-up behind the last one.
        self.asked: dict[tuple[Any, ...], _Asked] = {}

    def selections(self, selections: Iterable[Selection], parents: int, path: tuple[Any, ...]) -> None:
        together: defaultdict[tuple[str, str], dict[int, Selected]] = defaultdict(dict)
        for selection in selections:
            for one in selection.fields:
                together[one.name, repr(sorted(one.arguments.items()))][id(one)] = one
        for slot, fields in together.items():
            self._field(list(fields.values()), parents, path, (*path, slot))

    def _field(self, fields: list[Selected], parents: int, path: tuple[Any, ...], here: tuple[Any, ...]) -> None:
        inner = {id(selection): selection for one in fields for selection in one.inner}.values()
        definitions = [one.definition for one in fields if one.definition is not None]
        if not definitions:
            return
        definition = definitions[0].extensions.get("strawberry-definition")
        if fields[0].coordinate in _BY_ID:
            for number, (upstream, keys) in enumerate(_BY_ID[fields[0].coordinate](fields[0].arguments)):
                self.asked[*here, number] = _Asked(parents * keys, [upstream])
        else:
            self._ask(definition, inner, parents, path, here)
        if fields[0].coordinate == _CLIENTS:
            for number, (upstream, keys) in enumerate(snapshot_reads(fields[0].arguments, self._limits)):
                self.asked[*here, number] = _Asked(keys, [upstream])
        if inner:
            self.selections(inner, parents * max(one.size for one in fields), here)

    def _ask(
        self, definition: Any, inner: Iterable[Selection], parents: int, path: tuple[Any, ...], here: tuple[Any, ...]
    ) -> None:
        upstreams = [one for one in getattr(definition, "directives", ()) if isinstance(one, Upstream)]
        if not upstreams:
            return
        resolver = getattr(getattr(definition, "base_resolver", None), "wrapped_func", None)
        lookup = getattr(resolver, "lookup", None)
        slot = here if lookup is None or lookup is getattr(resolver, "list_resolver", None) else (*path, lookup)
        names = {one.name for selection in inner for one in selection.fields}
        self.asked[slot] = _Asked(
            parents,
            [*upstreams, *getattr(resolver, "reads", ())],
            functions=1 if names.isdisjoint(_SECOND_FUNCTION) else 2,
            groups=parents if "currency" in names else 0,
        )


def predict_calls(selection: Selection, limits: GraphLimits, ports: Ports) -> Tally:
    """The calls that an operation needs at most."""
    walk = _Walk(limits)
    walk.selections([selection], 1, ())
    total = Tally()
    for asked in walk.asked.values():
        for name, calls, keys in _calls(asked, ports, limits.single_live_accounts_max):
            total.calls[name] += calls
            total.keys[name] += keys
    return total


def _calls(asked: _Asked, ports: Ports, single: int) -> Iterator[tuple[str, int, int]]:
    keys = asked.keys
    for upstream in asked.upstreams:
        name = STATE_DATABASE if upstream is STATE_STATEMENT else upstream.system.value
        batch = upstream.batch_max if isinstance(upstream.batch_max, int) else _UNLIMITED
        sizes = ports.batches.get(upstream.system)
        if upstream.listing is not None:
            most = [one.most_calls(keys) for one in ports.listings.get((upstream.listing, upstream.system), ())]
            yield name, sum(one.calls for one in most), sum(one.keys for one in most)
        elif sizes is None or batch == _UNLIMITED:
            yield name, -(-keys // batch), keys
        else:
            # A server that answers one login per call takes no more of them than an operation may ask.
            calls = sum(min(keys, single) if size == 1 else -(-keys // size) for size in sizes)
            groups = asked.groups * bool(sizes)
            yield name, calls * asked.functions + groups, keys * asked.functions * bool(sizes) + groups

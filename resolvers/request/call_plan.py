"""The call plan: the upstream calls of an operation, predicted before the operation runs (docs/resolvers.md).

The number of statements is exact. The number of keys is an upper bound, because every page is assumed to be full. The
number of calls to trading platforms is an upper bound, because the servers of the accounts are not known yet.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from core.call import STATE_DATABASE, Tally
from resolvers.context import GraphLimits
from resolvers.policy.directives import STATE_STATEMENT, Upstream
from resolvers.policy.enums import UpstreamSystem
from resolvers.request.selection import Selected, Selection

# These live figures come from a second vendor function, not from the account's own record.
_SECOND_FUNCTION = ("equity", "margin", "freeMargin", "marginLevel")
_UNLIMITED = 1_000_000_000


Batches = Mapping[UpstreamSystem, Sequence[int]]
"""By system: the number of logins in one call, for each of its servers with live figures."""


class _Walk:
    """Adds up the calls and keys of each upstream. Equal fields of a level share a call, with any aliases."""

    def __init__(self) -> None:
        # (path of fields, the look-up of the last field) -> the number of its keys, and the directives of the field.
        self.asked: dict[tuple[Any, ...], tuple[int, list[Upstream]]] = {}

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
        self._ask(definitions[0].extensions.get("strawberry-definition"), inner, parents, path, here)
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
        second = any(one.name in _SECOND_FUNCTION for selection in inner for one in selection.fields)
        self.asked[slot] = (parents * (2 if second else 1), upstreams)


def predict_calls(selection: Selection, limits: GraphLimits, batches: Batches) -> Tally:
    """The calls that an operation needs at most."""
    walk = _Walk()
    walk.selections([selection], 1, ())
    total = Tally()
    for keys, upstreams in walk.asked.values():
        for name, calls, asked in _calls(keys, upstreams, batches, limits.single_live_accounts_max):
            total.calls[name] += calls
            total.keys[name] += asked
    return total


def _calls(keys: int, upstreams: list[Upstream], batches: Batches, single: int) -> Iterator[tuple[str, int, int]]:
    for upstream in upstreams:
        name = STATE_DATABASE if upstream is STATE_STATEMENT else upstream.system.value
        batch = upstream.batch_max if isinstance(upstream.batch_max, int) else _UNLIMITED
        sizes = batches.get(upstream.system)
        if sizes is None or batch == _UNLIMITED:
            yield name, -(-keys // batch), keys
        else:
            # A server that answers one login per call gets at most as many calls as the limit for one operation.
            yield name, sum(min(keys, single) if size == 1 else -(-keys // size) for size in sizes), keys * bool(sizes)

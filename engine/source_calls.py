"""The calls for the holes of several requests: each request waits only for the sources that answer for its parents."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.field_plans import FieldPlan
from engine.markers import JointSources
from engine.rendering import Filling


@dataclass(slots=True, eq=False)
class SourceCall:
    """A call of a list resolver. `values` are its answers in the order of the parents."""

    plan: FieldPlan
    parents: list[Any] = field(default_factory=list)
    values: Sequence[Any] = ()


@dataclass(slots=True, eq=False)
class RequestHole:
    """A hole of one request: the call for each parent, and the place of the parent in this call."""

    number: int
    filling: Filling
    calls: Sequence[SourceCall]
    places: Sequence[int]

    def values(self) -> list[Any]:
        return [call.values[place] for call, place in zip(self.calls, self.places, strict=True)]


def plan_calls(fillings: Sequence[tuple[int, Filling]], context: Any) -> Iterator[RequestHole]:
    """Plan the calls for one hole, which has a filling in each of the numbered requests.

    - If all requests need the same sources, one call is for all of them.
    - Otherwise each source has a call of its own.
    - A source that does not answer several requests in one call gets a call from each request.
    """
    plan = fillings[0][1].hole.wanted.plan
    sources: JointSources = plan.definition.list_resolver.joins_requests  # type: ignore[union-attr]
    needed = [frozenset(map(sources.source_of, filling.parents)) for _, filling in fillings]
    joint = {source for source in frozenset().union(*needed) if sources.is_joint(source, context)}
    if all(one == needed[0] for one in needed) and joint == needed[0]:
        return _one_call(plan, fillings)
    return _call_by_source(plan, fillings, sources, joint)


def _one_call(plan: FieldPlan, fillings: Sequence[tuple[int, Filling]]) -> Iterator[RequestHole]:
    call = SourceCall(plan)
    for number, filling in fillings:
        start = len(call.parents)
        call.parents += filling.parents
        places = range(start, len(call.parents))
        yield RequestHole(number, filling, [call] * len(places), places)


def _call_by_source(
    plan: FieldPlan, fillings: Sequence[tuple[int, Filling]], sources: JointSources, joint: set[Hashable]
) -> Iterator[RequestHole]:
    calls: dict[Hashable, SourceCall] = {}
    for number, filling in fillings:
        own: list[SourceCall] = []
        places: list[int] = []
        for parent in filling.parents:
            source = sources.source_of(parent)
            # The source of one request alone is the request.
            call = calls.setdefault(("joint", source) if source in joint else ("own", number), SourceCall(plan))
            own.append(call)
            places.append(len(call.parents))
            call.parents.append(parent)
        yield RequestHole(number, filling, own, places)

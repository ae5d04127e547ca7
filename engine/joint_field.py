"""The root field of an operation that several requests can run together (joint_run.py)."""

from dataclasses import dataclass
from typing import Any, cast

from graphql import VariableNode, Visitor, visit

from engine.rendering import JointRendering, PlannedRendering, RequestedField


@dataclass(frozen=True, slots=True, eq=False)
class JointField:
    """A rendered root field. `inner_variables` are the names of the variables below the field. Requests run together
    only if these have equal values.
    """

    rendering: JointRendering
    wanted: RequestedField
    inner_variables: tuple[str, ...]


def find_joint_field(planned: PlannedRendering) -> JointField | None:
    """None for a rendering that answers one request at a time."""
    if getattr(planned.rendering, "most_requests", 1) == 1:
        return None
    return JointField(cast("JointRendering", planned.rendering), planned.wanted, _inner_variables(planned.wanted))


class _VariableNames(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.found.add(node.name.value)


def _inner_variables(root: RequestedField) -> tuple[str, ...]:
    names = _VariableNames()
    for one in root.everything():
        for argument in () if one is root else one.plan.node.arguments or ():
            visit(argument, names)
    return tuple(sorted(names.found))

"""Whether memory stays where it is under a mixed load."""

import time

from documents import SHAPES, bodies, shape_bodies
from machine import resident_mib
from measure import driven
from world import Running

Points = list[tuple[float, float]]


def after_a_while(running: Running, minutes: float) -> dict[str, object]:
    """MiB over time, all shapes in turn; `slope` is what an hour would add, by the second half of the points."""
    begun = time.monotonic()
    points: Points = []
    turns = [bodies(running.peer.dialect, shape) for shape in ("S", "D", "L", "D0")]
    turns += [shape_bodies(running.peer.dialect, shape) for shape in SHAPES]
    while (passed := time.monotonic() - begun) < minutes * 60:
        points.append((round(passed, 1), round(resident_mib(running.pids), 1)))
        for wanted in turns:
            driven(running.peer, wanted, 8, 1)
    points.append((round(time.monotonic() - begun, 1), round(resident_mib(running.pids), 1)))
    late = points[len(points) // 2 :]
    return {"mib": points, "first": late[0][1], "last": late[-1][1], "slope_mib_an_hour": slope(late)}


def slope(points: Points) -> float:
    """Least squares."""
    if len(points) < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    over = sum((x - mean_x) ** 2 for x, _ in points)
    return round(sum((x - mean_x) * (y - mean_y) for x, y in points) / over * 3600, 1) if over else 0.0

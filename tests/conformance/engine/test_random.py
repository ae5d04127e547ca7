"""Random operations over a random world that is full of trouble: the engine and graphql-core say the same."""

import gc
import os

import pytest
from support.odd import World, core, odd, root_of
from support.operations import random_operation
from support.oracle import assert_same, candidates, engines, reference

from engine import Engine

pytestmark = pytest.mark.anyio

LONG = os.environ.get("TORTURE") == "long"
SEED = int(os.environ.get("TORTURE_SEED", "1"))
BATCHES, EACH = (100, 110) if LONG else (8, 60)


@pytest.fixture
def collected():
    """What was never awaited warns where it is collected, and some frames have no names to warn with."""
    gc.disable()
    yield
    gc.collect()
    gc.enable()


# graphql-core gives up the siblings of a required value that failed, some before they began.
@pytest.mark.filterwarnings("ignore:coroutine '(GraphQLCoreConverter|Executor).*was never awaited:RuntimeWarning")
@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize("operation", ["query", "mutation"])
@pytest.mark.parametrize("batch", range(BATCHES))
async def test_engine_and_graphql_core_answer_alike(batch, operation):
    engine = Engine(core(), odd(), hot_after=1)
    count = EACH if operation == "query" else EACH // 6
    for number in range(count):
        seed = SEED * 1_000_000 + batch * 1_000 + number
        text, document, variables = random_operation(core(), seed, operation)
        world = World(seed, trouble=(0, 2, 6, 20)[number % 4])
        root = root_of(world, operation.capitalize())

        expected = await reference(core(), document, variables, root, [])
        found = await engines(engine, core(), document, variables, root, [])

        possible = await candidates(core(), document, variables, root, [])
        assert_same(found, expected, possible, f"seed {seed}: {text} {variables}")

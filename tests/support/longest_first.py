"""The order of files in a run of several workers: the longest first, so that all workers end at the same time."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

# In this order. Files that keep the processors busy alternate with files that wait.
LONGEST = (
    "tests/torture/test_faults.py",
    "tests/integration/serve/test_installing.py",
    "tests/torture/test_mutants.py",
    "tests/torture/test_replicas.py",
    "tests/browser/test_dashboard.py",
    "tests/torture/test_kill_at_steps.py",
    "tests/conformance/examples/test_examples.py",
    "tests/project/test_docs_examples.py",
    "tests/integration/graph/test_partial.py",
    "tests/torture/test_kill_at_lines.py",
    "tests/integration/graph/test_summaries.py",
    "tests/torture/test_load.py",
    "tests/integration/sandbox/test_box.py",
    "tests/torture/test_database_faults.py",
    "tests/integration/vendors/test_toy_vendor.py",
    "tests/integration/serve/test_production_start.py",
    "tests/conformance/engine/test_random.py",
    "tests/browser/test_graphiql.py",
    "tests/project/test_docker.py",
    "tests/browser/test_docs_site.py",
    "tests/browser/test_build.py",
)
# Each test starts all that it needs, so that any worker can run it.
ALONE = ("tests/torture/test_mutants.py", "tests/integration/serve/test_installing.py")


_RANKS = {file: rank for rank, file in enumerate(LONGEST)}


def longest_first(item: pytest.Item) -> int:
    """Sorts the tests of a run; all other files keep their order."""
    return _RANKS.get(_file(item.nodeid), len(LONGEST))


class LongestFirst(LoadFileScheduling):
    """Runs all tests of a file in one worker, because they share servers, and the files in the order of the tests."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        # The order of xdist begins with the files of most tests, and ends with those of a few long ones.
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if _file(nodeid) in ALONE else _file(nodeid)


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]

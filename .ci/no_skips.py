"""Fails if pytest's report tells of a skipped test, and names each: `.ci/no_skips.py tests.xml`."""

import sys
from pathlib import Path
from xml.etree import ElementTree as ET

# How the reason of a skipped test begins, for each test that may be skipped.
NO_KUBECTL = "kubectl is not installed here: no package of Debian has it"
NO_ENGINE = "No container can start here."
ALLOWED = {
    "test_an_overlay_is_rendered_and_valid": NO_KUBECTL,
    # tests/containers
    "test_no_layer_has_a_build_secret": NO_ENGINE,
    "test_the_files_of_the_secrets_are_not_in_the_image": NO_ENGINE,
    "test_the_image_is_small": NO_ENGINE,
    "test_the_image_is_not_root_and_has_a_health_check": NO_ENGINE,
    "test_the_bill_of_materials_has_the_locked_versions": NO_ENGINE,
    "test_a_query_a_deposit_and_its_event_pass_through_the_load_balancer": NO_ENGINE,
    "test_a_stop_under_requests_fails_none_and_exits_with_0": NO_ENGINE,
    "test_prometheus_scrapes_both_graphs": NO_ENGINE,
    "test_each_container_is_confined": NO_ENGINE,
}


def may_be_skipped(name: str, reason: str) -> bool:
    allowed = ALLOWED.get(name.partition("[")[0])
    return allowed is not None and reason.startswith(allowed)


def skipped(report: Path) -> list[str]:
    cases = ET.parse(report).getroot().iter("testcase")  # noqa: S314 - our own pytest wrote it.
    return [
        f"{case.get('classname')}::{case.get('name')}: {skip.get('message')}"
        for case in cases
        for skip in case.findall("skipped")
        # An expected failure is reported as a skip, too, but was run.
        if skip.get("type") == "pytest.skip" and not may_be_skipped(case.get("name", ""), skip.get("message", ""))
    ]


if __name__ == "__main__":
    names = skipped(Path(sys.argv[1]))
    if names:
        raise SystemExit("\n".join(["Tests were skipped, which CI does not allow:", *names]))

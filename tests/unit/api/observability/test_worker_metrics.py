"""The metrics of several workers: what a scrape adds, and what happens if a worker cannot write."""

import asyncio
import os

import pytest
from prometheus_client import CollectorRegistry, Counter
from structlog.testing import capture_logs

from api.observability.worker_metrics import WorkerMetrics
from core.clock import Clock

pytestmark = pytest.mark.anyio


@pytest.fixture
def registry():
    registry = CollectorRegistry()
    Counter("answers", "Answers.", registry=registry).inc(2)
    return registry


async def test_a_dead_worker_of_which_another_user_has_the_number_keeps_its_counts(registry, tmp_path, monkeypatch):
    (tmp_path / "1.prom").write_text("# TYPE answers_total counter\nanswers_total 3\n# TYPE waiting gauge\nwaiting 5\n")

    def kill(_pid, _signal):
        raise PermissionError

    monkeypatch.setattr(os, "kill", kill)
    text = (await WorkerMetrics(registry, tmp_path).text()).decode()

    assert "answers_total 5.0" in text
    assert "waiting" not in text


async def test_a_worker_that_cannot_write_reports_it_once_and_writes_again(registry, tmp_path, monkeypatch):
    monkeypatch.setattr("api.observability.worker_metrics._EVERY_SECONDS", 0.01)
    folder = tmp_path / "gone"
    with capture_logs() as lines:
        writing = asyncio.create_task(WorkerMetrics(registry, folder).write(Clock()))
        await asyncio.sleep(0.1)
        folder.mkdir()
        while not (folder / f"{os.getpid()}.prom").exists():
            assert not writing.done()
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        writing.cancel()

    assert [line["event"] for line in lines] == ["metrics.not_written", "metrics.written_again"]

"""Log lines are written together, in their order. Important lines and the last lines are never held back."""

import asyncio
import io
import subprocess
import sys

import pytest

from api.observability.log_sink import LogSink


class Stream(io.StringIO):
    """Remembers each write."""

    def __init__(self):
        super().__init__()
        self.writes = []

    def write(self, text):
        self.writes.append(text)
        return len(text)


@pytest.fixture
def stream():
    return Stream()


@pytest.mark.anyio
async def test_what_is_said_in_one_turn_is_written_once(stream):
    lines = LogSink(stream)
    lines.info("a")
    lines.debug("b")

    assert stream.writes == []
    await asyncio.sleep(0)
    assert stream.writes == ["a\nb\n"]
    lines.info("c")
    await asyncio.sleep(0)
    assert stream.writes[1:] == ["c\n"]


@pytest.mark.anyio
async def test_a_warning_is_written_at_once_with_all_before_it(stream):
    lines = LogSink(stream)
    lines.info("a")
    lines.warning("b")

    assert "".join(stream.writes) == "a\nb\n"


def test_without_a_loop_every_line_is_written_at_once(stream):
    lines = LogSink(stream)
    lines.info("a")

    assert stream.writes == ["a\n"]


@pytest.mark.anyio
async def test_a_turn_that_says_very_much_does_not_keep_it_all(stream):
    lines = LogSink(stream)
    for number in range(250):
        lines.info(str(number))

    assert len(stream.writes) == 2
    await asyncio.sleep(0)
    assert "".join(stream.writes).split() == [str(number) for number in range(250)]


def test_what_a_loop_did_not_come_to_write_is_written_with_the_next_line(stream):
    lines = LogSink(stream)
    loop = asyncio.new_event_loop()

    async def say():
        lines.info("a")
        loop.stop()

    loop.run_until_complete(say())
    loop.close()
    lines.info("b")

    assert "".join(stream.writes) == "a\nb\n"


def test_what_was_said_in_the_last_turn_of_a_process_is_written():
    program = """
import asyncio, sys
from api.observability.log_sink import LogSink
async def main():
    LogSink(sys.stderr).info("the last words")
    sys.exit(3)
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert "the last words\n" in done.stderr

"""A command that takes long says so at a terminal, and nowhere else."""

import io
import sys
import time

import pytest

from api.cli import common


class Screen(io.StringIO):
    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(common, "_FIRST_SIGN_SECONDS", 0.001)
    monkeypatch.setattr(common, "_NEXT_SIGN_SECONDS", 0.001)


def test_a_long_command_tells_again_and_again_that_it_is_at_work(quick, monkeypatch):
    screen = Screen(is_terminal=True)
    monkeypatch.setattr(sys, "stderr", screen)

    with common.sign_of_life():
        while screen.getvalue().count("Still at work after ") < 3:
            time.sleep(0.001)


def test_the_signs_end_early_when_the_command_says_so(quick, monkeypatch):
    screen = Screen(is_terminal=True)
    monkeypatch.setattr(sys, "stderr", screen)

    with common.sign_of_life() as end:
        end()
        time.sleep(0.02)

    # One sign may have been on its way.
    assert screen.getvalue().count("Still") <= 1


def test_a_file_gets_no_signs(quick, monkeypatch):
    screen = Screen(is_terminal=False)
    monkeypatch.setattr(sys, "stderr", screen)

    with common.sign_of_life():
        time.sleep(0.02)

    assert screen.getvalue() == ""

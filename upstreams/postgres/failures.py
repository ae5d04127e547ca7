"""Classifies every error of PostgreSQL and of its driver: one table, for reads and for writes.

The class decides three things: whether a repeat may succeed, whether a write may have been committed, and whether
instructions can be written at all (`upstreams/state/write_access.py`).
"""

from typing import Final

import asyncpg

from core.errors import DatabaseFailure

_LOST, _TRANSIENT = DatabaseFailure.LOST, DatabaseFailure.TRANSIENT
_REFUSED, _MISTAKE = DatabaseFailure.REFUSED, DatabaseFailure.MISTAKE

# Every class of PostgreSQL's error codes (Appendix A of its manual): the first two characters of the SQLSTATE.
SQLSTATE_CLASSES: Final = {
    "00": _MISTAKE,  # successful completion: never an error
    "01": _MISTAKE,  # warning
    "02": _MISTAKE,  # no data
    "03": _MISTAKE,  # SQL statement not yet complete
    "08": _LOST,  # connection exception
    "09": _MISTAKE,  # triggered action exception
    "0A": _MISTAKE,  # feature not supported
    "0B": _MISTAKE,  # invalid transaction initiation
    "0F": _MISTAKE,  # locator exception
    "0L": _REFUSED,  # invalid grantor
    "0P": _REFUSED,  # invalid role specification
    "0Z": _MISTAKE,  # diagnostics exception
    "10": _MISTAKE,  # XQuery error
    "20": _MISTAKE,  # case not found
    "21": _MISTAKE,  # cardinality violation
    "22": _MISTAKE,  # data exception
    "23": _MISTAKE,  # integrity constraint violation
    "24": _MISTAKE,  # invalid cursor state
    "25": _MISTAKE,  # invalid transaction state
    "26": _TRANSIENT,  # invalid SQL statement name: behind a pooler, another server connection
    "27": _MISTAKE,  # triggered data change violation
    "28": _REFUSED,  # invalid authorization specification
    "2B": _MISTAKE,  # dependent privilege descriptors still exist
    "2D": _MISTAKE,  # invalid transaction termination
    "2F": _MISTAKE,  # SQL routine exception
    "34": _MISTAKE,  # invalid cursor name
    "38": _MISTAKE,  # external routine exception
    "39": _MISTAKE,  # external routine invocation exception
    "3B": _MISTAKE,  # savepoint exception
    "3D": _REFUSED,  # invalid catalog name: there is no such database
    "3F": _MISTAKE,  # invalid schema name
    "40": _TRANSIENT,  # transaction rollback: serialization failure, deadlock, conflict on a standby
    "42": _MISTAKE,  # syntax error or access rule violation
    "44": _MISTAKE,  # WITH CHECK OPTION violation
    "53": _TRANSIENT,  # insufficient resources
    "54": _MISTAKE,  # program limit exceeded
    "55": _TRANSIENT,  # object not in prerequisite state: lock not available
    "57": _LOST,  # operator intervention: the server is stopping or starting
    "58": _TRANSIENT,  # system error outside of PostgreSQL
    "72": _TRANSIENT,  # snapshot failure
    "F0": _REFUSED,  # configuration file error
    "HV": _TRANSIENT,  # foreign data wrapper error: the database behind a view
    "P0": _MISTAKE,  # PL/pgSQL error
    "XX": _MISTAKE,  # internal error
}

# Codes that differ from the rest of their class.
SQLSTATES: Final = {
    "25006": _REFUSED,  # read-only SQL transaction: a standby, or a primary after a fail-over
    "25P03": _LOST,  # idle in transaction: the server has closed the connection
    "25P04": _LOST,  # transaction timeout: the server has closed the connection
    "40003": _LOST,  # statement completion unknown
    "42501": _REFUSED,  # insufficient privilege
    "57014": _TRANSIENT,  # query canceled: the statement was rolled back
}

# Errors without a SQLSTATE, or with a SQLSTATE that is not specific enough. A subclass comes before its base.
DRIVER: Final[dict[type[BaseException], DatabaseFailure]] = {
    asyncpg.InvalidCachedStatementError: _TRANSIENT,
    asyncpg.OutdatedSchemaCacheError: _TRANSIENT,
    # The driver's errors about arguments and settings are ValueErrors as well.
    ValueError: _MISTAKE,
    asyncpg.UnsupportedClientFeatureError: _MISTAKE,
    asyncpg.UnsupportedServerFeatureError: _MISTAKE,
    asyncpg.InterfaceError: _LOST,
    asyncpg.InternalClientError: _LOST,
    EOFError: _LOST,
    OSError: _LOST,
}

ERRORS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, EOFError, OSError)
"""Every exception of the driver, and TimeoutError. Any other exception is a defect of our own code."""


def classify(error: BaseException) -> DatabaseFailure:
    """The class of an error from `ERRORS`. An unknown SQLSTATE counts as LOST, because LOST proves nothing."""
    for kind, failure in DRIVER.items():
        if isinstance(error, kind):
            return failure
    code: str = getattr(error, "sqlstate", None) or ""
    return SQLSTATES.get(code) or SQLSTATE_CLASSES.get(code[:2], _LOST)


def took_too_long(error: BaseException) -> bool:
    """Whether the statement used all its time. A repeat would take as long."""
    return isinstance(error, TimeoutError | asyncpg.QueryCanceledError)


def message_of(error: BaseException) -> str:
    """The error's message without its DETAIL, which may quote the values of a row."""
    return str(error.args[0]) if error.args else type(error).__name__

"""What is wrong with a connection to PostgreSQL, in words for the operator. No word is the password."""

import socket
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from core.errors import UpstreamError
from core.secret import Secret
from upstreams.postgres.failures import ERRORS, message_of

_NOT_MIGRATED: Final = "the schema brokergraph is not that of this version; run `brokergraph migrate`"


def diagnosis_of(error: UpstreamError, url: Secret) -> str | None:
    """The diagnosis of the driver's error behind `error`; None without one."""
    return diagnose(error.__cause__, url) if isinstance(error.__cause__, ERRORS) else None


def diagnose(error: BaseException, url: Secret) -> str:
    """What is wrong, and where, as a sentence without its full stop. `error` is one of the driver's."""
    split = urlsplit(url.reveal())
    role, database, place = unquote(split.username or ""), unquote(split.path[1:]), hosts_of(url)
    sentences = {
        socket.gaierror: f"the host name {split.hostname} is unknown",
        ConnectionRefusedError: f"nothing listens on {place}; is PostgreSQL running there?",
        FileNotFoundError: f"there is no socket of PostgreSQL in {place}; is PostgreSQL running?",
        TimeoutError: f"{place} does not answer in time; may this machine reach it?",
        asyncpg.InvalidPasswordError: f"the password of the role {role} is wrong, or there is no such role",
        asyncpg.InvalidAuthorizationSpecificationError: f"PostgreSQL does not admit the role {role}: {_words(error)}",
        asyncpg.InvalidCatalogNameError: f"there is no database {database}; create it, or correct the address",
        asyncpg.UndefinedTableError: _NOT_MIGRATED,
        asyncpg.UndefinedColumnError: _NOT_MIGRATED,
        asyncpg.InvalidSchemaNameError: _NOT_MIGRATED,
        asyncpg.InsufficientPrivilegeError: f"the role {role} has too few rights: {_words(error)}",
    }
    return next((text for kind, text in sentences.items() if isinstance(error, kind)), f"{place}: {_words(error)}")


def hosts_of(url: Secret) -> str:
    """The hosts with their ports, or the folder of the socket."""
    split = urlsplit(url.reveal())
    hosts = split.netloc.rpartition("@")[2]
    return unquote(hosts) or parse_qs(split.query).get("host", ["localhost"])[0]


def _words(error: BaseException) -> str:
    return message_of(error).rstrip(".")

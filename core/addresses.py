"""A strict check of addresses that hold a password, before a driver reads them.

A driver ends an unencoded password at its first `#`, `/`, `?` or `@`. The driver parses the rest as a host, a port or a
database, and errors and logs then show this rest. Therefore an address is accepted only if it is unambiguous:

- `@` appears once, before the first `/` and `?`; there is no `#`, no space, no control character;
- `%` begins the two digits of a byte, and the bytes are UTF-8;
- hosts are names, sockets or IPv6 addresses in brackets, ports are numbers, and the path is one name;
- parameters are `name=value`; an address with a password has only parameters that a driver knows.

No error here quotes the address.
"""

import re
from collections.abc import Iterator
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import unquote, unquote_to_bytes, urlsplit

POSTGRESQL: Final = ("postgresql", "postgres")
REDIS: Final = ("redis", "rediss", "unix")

_PARTS: Final = re.compile(r"([a-z]+)://([^/?]*)([^?]*)(?:\?(.*))?", re.DOTALL)
_HOST: Final = re.compile(r"(?P<name>[^\s:\[\]]*|\[(?P<six>[^\]]*)\])(?::(?P<port>[0-9]{1,5}))?")
_NOT_A_BYTE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_HIGHEST_PORT: Final = 65_535
_PASSWORDS: Final = ("password", "sslpassword")
# The parameters that asyncpg and PostgreSQL's programs know. Any other name is a setting of the session.
_KNOWN: Final = frozenset({
    *("host", "port", "dbname", "database", "db", "user", "username", "password", "passfile", "service"),
    *("sslmode", "sslcert", "sslkey", "sslpassword", "sslrootcert", "sslcrl", "sslnegotiation"),
    *("ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs", "krbsrvname", "gsslib"),
    *("application_name", "options"),
})  # fmt: skip


class Ambiguous(ValueError):
    """The address is ambiguous or invalid. The message names the broken rule and quotes nothing."""


def check_address(address: str, schemes: tuple[str, ...]) -> None:
    """Raise Ambiguous unless brokergraph and every driver parse the address in the same way."""
    found = _PARTS.fullmatch(address)
    if found is None or found[1] not in schemes:
        raise Ambiguous(f"it does not begin with {', '.join(f'{scheme}://' for scheme in schemes)}")
    _check_characters(address)
    authority, path, query = found[2], found[3], found[4]
    user, _, hosts = authority.rpartition("@")
    if "@" in f"{user}{path}{query or ''}":
        raise Ambiguous("it has a second @, or the @ comes after a / or a ?")
    if "[" in user or "]" in user:
        raise Ambiguous("it has a bracket before the @")
    _check_hosts(hosts)
    if "/" in path[1:] and found[1] != "unix":
        raise Ambiguous("it has a second / after the host")
    _check_parameters(list(_parameters(query)))
    _check_by_library(address)


def find_passwords(address: str) -> set[str]:
    """Every password in an address that passed `check_address`, encoded and decoded.

    Raises nothing for any other text.
    """
    found = _PARTS.fullmatch(address)
    if found is None:
        return set()
    written = [found[2].rpartition("@")[0].partition(":")[2]]
    written += [value for name, _, value in _fields(found[4]) if name in _PASSWORDS]
    return {text for password in written for text in (password, unquote(password)) if text}


def has_several_hosts(address: str) -> bool:
    """Whether an address that passed `check_address` names more than one host or port."""
    found = _PARTS.fullmatch(address)
    assert found is not None, "it passed"
    places = [found[2], *(value for name, _, value in _fields(found[4]) if name in {"host", "port"})]
    return any("," in unquote(place.rpartition("@")[2]) for place in places)


def _check_characters(address: str) -> None:
    # isprintable() is false for control characters and for all spaces but " ". urllib would remove some of them.
    if not address.isprintable() or " " in address or "#" in address:
        raise Ambiguous("it has a #, a space or a control character")
    if _NOT_A_BYTE.search(address):
        raise Ambiguous("it has a % without the two digits of a byte")
    try:
        meant = unquote_to_bytes(address).decode()
    except UnicodeDecodeError:
        raise Ambiguous("its percent-encoded bytes are not UTF-8") from None
    if "\x00" in meant:
        raise Ambiguous("it has a null character")


def _check_hosts(hosts: str) -> None:
    """Check hosts with their ports, separated by commas. Without a host the driver uses its default."""
    for text in hosts.split(",") if hosts else ():
        if text.startswith("/"):
            continue
        found = _HOST.fullmatch(text)
        if found is None or not (text and _is_port(found["port"])):
            raise Ambiguous("a host or a port in it is not valid")
        if found["six"] is not None:
            _check_ipv6(found["six"])


def _check_ipv6(text: str) -> None:
    try:
        IPv6Address(text)
    except ValueError:
        raise Ambiguous("the text in brackets is not an IPv6 address") from None


def _is_port(text: str | None) -> bool:
    return text is None or 1 <= int(text) <= _HIGHEST_PORT


def _fields(query: str | None) -> list[tuple[str, str, str]]:
    return [field.partition("=") for field in query.split("&")] if query else []


def _parameters(query: str | None) -> Iterator[tuple[str, str]]:
    for name, sign, value in _fields(query):
        if not sign or not _NAME.fullmatch(name):
            raise Ambiguous("the text after its ? is not name=value")
        yield name, value


def _check_parameters(parameters: list[tuple[str, str]]) -> None:
    names = [name for name, _ in parameters]
    if len(set(names)) < len(names):
        raise Ambiguous("it has a parameter twice")
    if set(names) & set(_PASSWORDS) and not _KNOWN.issuperset(names):
        raise Ambiguous("it has a parameter that is not known next to a password")
    for name, value in parameters:
        if name in _PASSWORDS and "+" in value:
            # A driver turns a + into a space here, and keeps a + before the @.
            raise Ambiguous("the password after its ? has a +")
        if name == "port" and not all(re.fullmatch("[0-9]{1,5}", one) and _is_port(one) for one in value.split(",")):
            raise Ambiguous("a port in it is not a number")
        if name == "host":
            _check_hosts(unquote(value))


def _check_by_library(address: str) -> None:
    """Check by urllib, which drivers use. urllib refuses more addresses, such as those with letters that look like / or
    @.
    """
    try:
        urlsplit(address)
    except ValueError:
        raise Ambiguous("a host in it is not valid") from None

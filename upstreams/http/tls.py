"""TLS of vendors and issuers: the certificate authorities to trust, and the causes of failed handshakes in words."""

import functools
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx

_UNKNOWN_CA: Final = "the certificate is signed by an unknown CA; name the CA's certificate in ca_file"
_WRONG_HOST: Final = "the certificate is for another host name"
# OpenSSL's X509_V_ERR_* numbers.
_CAUSES: Final = {
    9: "the certificate is not valid yet",
    10: "the certificate has expired",
    18: _UNKNOWN_CA,
    19: _UNKNOWN_CA,
    20: _UNKNOWN_CA,
    21: _UNKNOWN_CA,
    62: _WRONG_HOST,
    64: _WRONG_HOST,
}


@functools.cache
def tls_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """The context that trusts the authorities of `ca_file` alone, or without one the public authorities.

    Raises ValueError for a file that cannot be used. Because reading the public authorities costs tens of milliseconds,
    equal connections share one context.
    """
    if ca_file is None:
        return httpx.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError:
        raise ValueError(f"{ca_file} holds no certificate in PEM form") from None
    except OSError as error:
        raise ValueError(f"{ca_file} cannot be read: {error.strerror}") from None


@functools.cache
def pinned_context() -> ssl.SSLContext:
    """The context of connections whose certificate is compared with a fingerprint, which proves more than an issuer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def tls_failure(error: BaseException) -> str | None:
    """The cause of a failed handshake, without any text of the other side. None for an error without TLS in it."""
    for one in chain(error):
        if isinstance(one, ssl.SSLCertVerificationError):
            return f"TLS: {_CAUSES.get(one.verify_code, f'the certificate is refused (OpenSSL {one.verify_code})')}"
        if isinstance(one, ssl.SSLError):
            # OpenSSL's own name of the problem, such as WRONG_VERSION_NUMBER for a port without TLS.
            return f"TLS: {one.reason or 'the handshake failed'}"
    return None


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and the errors that it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

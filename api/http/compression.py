"""Compression of answers by br and gzip, at levels whose time is about as long as the saved transfer time."""

import asyncio
import zlib
from typing import Final

import brotli  # type: ignore[import-untyped]

# In tests with answers of 35 kB these levels compressed best within a millisecond.
_BROTLI_QUALITY: Final = 4
_GZIP_LEVEL: Final = 5
_GZIP_WINDOW: Final = 31  # A window of 15 bits, with gzip's header and without a timestamp
# A larger body is compressed in a thread, so that other requests do not wait for it.
_INLINE_BYTES: Final = 128 * 1024


async def compressed(body: bytes, coding: str) -> bytes:
    """The body in the coding "br" or "gzip". The same body always gives the same bytes."""
    compress = _brotli if coding == "br" else _gzip
    return compress(body) if len(body) <= _INLINE_BYTES else await asyncio.to_thread(compress, body)


def _brotli(body: bytes) -> bytes:
    done: bytes = brotli.compress(body, mode=brotli.MODE_TEXT, quality=_BROTLI_QUALITY)
    return done


def _gzip(body: bytes) -> bytes:
    gzip = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WINDOW)
    return gzip.compress(body) + gzip.flush()

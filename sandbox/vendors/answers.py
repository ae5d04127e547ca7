"""Answers of the vendors: JSON with exact decimals instead of floats."""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

Handler = Callable[[Request], Awaitable[Response]]

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ESCAPED_NUL = rb"\u0000"
_CENT = Decimal("0.01")
_CENT_PLACES = -2


class BadBody(Exception):
    """The body is not JSON of the expected shape."""


def encode(content: Any) -> bytes:
    return _ENCODER.encode(content)


def json_answer(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(encode(content), status, headers, media_type="application/json")


def money(amount: Decimal) -> Decimal:
    """The amount with at least two places and without an exponent: 25133.80, 0.10790961."""
    exact = amount.normalize()
    places = exact.as_tuple().exponent
    if isinstance(places, int) and places >= _CENT_PLACES:
        return exact.quantize(_CENT)
    return exact


def decode(body: bytes) -> Any:
    """Decode JSON with exact decimals. Raises BadBody for NaN, lone surrogates and NUL, which PostgreSQL cannot
    store.
    """
    if _ESCAPED_NUL in body:
        raise BadBody("The body holds a NUL.")
    try:
        return _DECODER.decode(body)
    except (ValueError, RecursionError) as error:
        raise BadBody("The body is not JSON.") from error


async def read_object(request: Request) -> dict[str, Any]:
    content = decode(await request.body())
    if not isinstance(content, dict):
        raise BadBody("The body is not a JSON object.")
    return content

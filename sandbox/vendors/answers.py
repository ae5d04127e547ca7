"""Answers as the vendors write them: JSON whose numbers are exact decimals, never floats."""

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
    """The body is no JSON of the wanted shape."""


def encode(content: Any) -> bytes:
    return _ENCODER.encode(content)


def json_answer(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(encode(content), status, headers, media_type="application/json")


def money(amount: Decimal) -> Decimal:
    """Two places, or as many as the amount has: 25133.80, 0.10790961. No exponent ever reaches the wire."""
    exact = amount.normalize()
    places = exact.as_tuple().exponent
    if isinstance(places, int) and places >= _CENT_PLACES:
        return exact.quantize(_CENT)
    return exact


def decode(body: bytes) -> Any:
    """JSON with exact decimals. NaN, lone surrogates and the NUL that no database text can hold are refused."""
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

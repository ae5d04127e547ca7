"""Hyper's response codes with their HTTP statuses and texts [D, seed 000, H-1226]."""

from typing import Any, Final

from starlette.responses import Response

from sandbox.vendors.answers import json_answer

OK, EXISTS_OR_RESTRICTED, NOT_A_FUNCTION, DATABASE_ERROR, TECHNICAL_ERROR = 0, 1, 3, 4, 5
NOT_AUTHORISED, BUSY, WRONG_PASSWORD, BAD_INPUT, WRONG_TOKEN = 8, 10, 11, 14, 99

CODES: Final[dict[int, tuple[int, str]]] = {
    2: (200, "No results."),
    NOT_A_FUNCTION: (404, "The function does not exist."),
    DATABASE_ERROR: (500, "Internal server error."),
    TECHNICAL_ERROR: (500, "Timeout with no Answer from the Trading System"),
    6: (401, "Wrong account credentials."),
    7: (400, "A required field is missing."),
    NOT_AUTHORISED: (403, "Not authorised."),
    9: (400, "The language is not accepted."),
    BUSY: (423, "The resource is being processed, try later."),
    # The general list has 422 "security alert". Functions of a client have 401, and all functions of this module are
    # functions of a client.
    WRONG_PASSWORD: (401, "Incorrect API_Password"),
    12: (422, "The entity is locked by another user."),
    13: (400, "The password breaks a rule."),
    BAD_INPUT: (400, "Bad or missing input data."),
    # The HTTP statuses of these two codes are not documented.
    20: (400, "The account does not exist."),
    21: (400, "The client does not exist."),
    WRONG_TOKEN: (401, "Missing / Wrong Access Token"),
}


class HyperRefusal(Exception):
    """A refusal with one of the codes."""

    def __init__(self, code: int, status: int | None = None, text: str | None = None) -> None:
        known_status, known_text = CODES.get(code, (500, "Error."))
        super().__init__(text or known_text)
        self.code = code
        self.status = status or known_status

    def response(self) -> Response:
        return answer(self.code, str(self), {}, self.status)


def answer(code: int, text: str, fields: dict[str, Any], status: int = 200) -> Response:
    return json_answer({"ResponseCode": code, "ResponseMsgEng": text} | fields, status)

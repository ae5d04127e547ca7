"""Codes and statuses."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from engine.rendering import RequestedField
from resolvers.policy.enums import ErpStatusCode, WebStatusCode
from resolvers.rendering.compiler import Fields, Place, Write, Writing, column
from resolvers.types.status import ERP_TEXTS, SIGN_IN, TRANSACT, WEB_TEXTS
from upstreams.erp.rendering.sql_json import Json, Sql, coded, number, text_or_coded


def coded_by(enum: type[Enum], otherwise: Enum, name: str) -> Write:
    """A column of codes as the enum's names."""
    names = {member.value: member.name for member in enum if member is not otherwise}
    return column(lambda code: coded(code, names, otherwise.name), name)


def _one_of(codes: Sequence[Enum]) -> Write:
    wanted = ", ".join(str(code.value) for code in codes)
    return column(lambda code: [Sql(f"CASE WHEN {code} IN ({wanted}) THEN 'true' ELSE 'false' END")], "web_status")


def _text(name: str, code: str, texts: Mapping[Any, str], otherwise: Enum) -> Write:
    by_code = {member.value: found for member, found in texts.items() if member is not otherwise}

    def write(_writing: Writing, _wanted: RequestedField, place: Place) -> Json:
        return text_or_coded(place.row.column(name), place.row.column(code), by_code, texts[otherwise])

    return write


ERP_STATUS: Fields = {
    "code": coded_by(ErpStatusCode, ErpStatusCode.UNRECOGNISED, "erp_status"),
    "rawCode": column(number, "erp_status"),
    "text": _text("erp_status_text", "erp_status", ERP_TEXTS, ErpStatusCode.UNRECOGNISED),
}
WEB_STATUS: Fields = {
    "code": coded_by(WebStatusCode, WebStatusCode.UNRECOGNISED, "web_status"),
    "rawCode": column(number, "web_status"),
    "text": _text("web_status_text", "web_status", WEB_TEXTS, WebStatusCode.UNRECOGNISED),
    "canSignIn": _one_of(SIGN_IN),
    "canTransact": _one_of(TRANSACT),
}

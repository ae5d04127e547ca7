"""The fields of a client without the list of accounts: enough for a client that is reached by an account."""

from typing import Final

from engine.rendering import PathStep, RequestedField
from resolvers.rendering.balances import balances, total_floating_balance
from resolvers.rendering.compiler import Fields, Place, Writing, column
from resolvers.rendering.statuses import ERP_STATUS, WEB_STATUS
from resolvers.types.standing import MAY_ACT
from upstreams.erp.rendering.sql_json import Json, Sql, base64url, number, text_or_null


def _id(_writing: Writing, _wanted: RequestedField, place: Place) -> Json:
    return base64url(f"'Client:' || {place.row.column('client_number')}::text")


def _standing(_writing: Writing, _wanted: RequestedField, place: Place) -> Json:
    row = place.row
    may_act = f"{row.column('identity_locked')} AND {row.column('erp_status')} IN ({', '.join(map(str, MAY_ACT))})"
    return ['"', Sql(f"CASE WHEN {may_act} THEN 'OK' ELSE 'RESTRICTED' END"), '"']


def _erp_status(writing: Writing, wanted: RequestedField, place: Place) -> Json:
    return writing.object(wanted, ERP_STATUS, place.below(wanted))


def _web_status(writing: Writing, wanted: RequestedField, place: Place) -> Json:
    path = (*place.path, PathStep(wanted))
    return writing.composer.web_status(lambda row: writing.object(wanted, WEB_STATUS, Place(row, path)))


OWNER: Final[Fields] = {
    "id": _id,
    "clientNumber": column(number, "client_number"),
    "fullName": column(text_or_null, "full_name"),
    "email": column(text_or_null, "email"),
    "agency": column(number, "agency"),
    "erpStatus": _erp_status,
    "standing": _standing,
    "webStatus": _web_status,
    "totalFloatingBalance": total_floating_balance,
    "balances": balances,
}

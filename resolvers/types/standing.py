from functools import partial
from typing import Final

from core.records import ClientRecord
from resolvers.fields.rendering import column, sql
from resolvers.policy.enums import ClientStanding, ErpStatusCode

_MAY_ACT: Final = (ErpStatusCode.APPROVED.value, ErpStatusCode.REAL.value)
_NAMES: Final = (ClientStanding.OK.name, ClientStanding.RESTRICTED.name)

STANDING: Final = column(partial(sql.standing, codes=_MAY_ACT, names=_NAMES), "identity_locked", "erp_status")


def standing(client: ClientRecord) -> ClientStanding:
    """OK needs a verified 'Locked Name & ID' and ERP status Approved or Real [D, H-1244]."""
    is_ok = client.identity_locked and client.erp_status in _MAY_ACT
    return ClientStanding.OK if is_ok else ClientStanding.RESTRICTED

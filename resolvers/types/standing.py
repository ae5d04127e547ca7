from core.records import ClientRecord
from resolvers.policy.enums import ClientStanding, ErpStatusCode

MAY_ACT = (ErpStatusCode.APPROVED.value, ErpStatusCode.REAL.value)


def standing(client: ClientRecord) -> ClientStanding:
    """OK needs a verified 'Locked Name & ID' and ERP status Approved or Real [D, H-1244]."""
    is_ok = client.identity_locked and client.erp_status in MAY_ACT
    return ClientStanding.OK if is_ok else ClientStanding.RESTRICTED

"""Broctagon's CRM Open API: account requests, MT4 accounts and deposits, users [D, seed 002, B-api].

Its connections and account types are those of `sandbox.settings.CRM_CONNECTIONS`: one for each platform, a demo one
and one on which a client may have no account.
"""

from starlette.applications import Starlette
from starlette.routing import Route

from sandbox.vendors.broctagon.door import guarded
from sandbox.vendors.broctagon.lists import mt4_accounts, users
from sandbox.vendors.broctagon.money import deposit, transactions
from sandbox.vendors.broctagon.requests import open_account
from sandbox.vendors.state import VendorState

__all__ = ["build"]


def build(state: VendorState) -> Starlette:
    v1 = "/public/v1"
    return Starlette(
        routes=[
            Route(f"{v1}/users", guarded(state, users), methods=["GET"]),
            Route(f"{v1}/mt4/accounts", guarded(state, mt4_accounts), methods=["GET"]),
            Route(v1 + "/mt4/accounts/{login}/deposit", guarded(state, deposit), methods=["POST"]),
            Route(f"{v1}/report/transactions", guarded(state, transactions), methods=["POST"]),
            Route(f"{v1}/requests/account", guarded(state, open_account), methods=["POST"]),
        ]
    )

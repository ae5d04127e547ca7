"""Broctagon's CRM Open API: account requests, MT4 accounts and deposits, users [D, seed 002, B-api].

Its connections and account types are those of `sandbox.settings.CRM_CONNECTIONS`: one for each platform, a demo
connection, and a connection on which a client may have no account.
"""

from starlette.applications import Starlette
from starlette.routing import Route

from sandbox.vendors.broctagon.door import handle_signed
from sandbox.vendors.broctagon.lists import crm_users, mt4_accounts
from sandbox.vendors.broctagon.money import deposit, transactions, withdraw
from sandbox.vendors.broctagon.requests import open_account
from sandbox.vendors.state import VendorState

__all__ = ["build"]


def build(state: VendorState) -> Starlette:
    v1 = "/public/v1"
    return Starlette(
        routes=[
            Route(f"{v1}/users", handle_signed(state, crm_users), methods=["GET"]),
            Route(f"{v1}/mt4/accounts", handle_signed(state, mt4_accounts), methods=["GET"]),
            Route(v1 + "/mt4/accounts/{login}/deposit", handle_signed(state, deposit), methods=["POST"]),
            Route(v1 + "/mt4/accounts/{login}/withdrawal", handle_signed(state, withdraw), methods=["POST"]),
            Route(f"{v1}/report/transactions", handle_signed(state, transactions), methods=["POST"]),
            Route(f"{v1}/requests/account", handle_signed(state, open_account), methods=["POST"]),
        ]
    )

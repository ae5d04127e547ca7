"""The sections [erp] and [state]."""

from typing import Annotated

import msgspec
from msgspec import Meta

from api.settings.bounds import AnyNumber, Seconds, Some
from core.secret import Secret

# The probe of a replica takes a second, so that a shorter lag could not be proven. The answer to a mutation may wait as
# long as the lag, and has to come before the end of a stop (api/cli/server.py).
Lag = Annotated[float, Meta(ge=2, le=20)]


class DatabaseSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The common settings of [erp] and [state]."""

    pool_size: Some = 10
    statement_timeout_seconds: Seconds = 10.0
    connect_timeout_seconds: Seconds = 5.0
    prepared_statements: bool = True
    replica_url: Secret | None = None
    replica_lag_seconds: Lag = 5.0


class ErpSection(DatabaseSection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[erp]"""

    database_url: Secret
    accounting_currency: str
    concurrent_lookups: AnyNumber = 2
    lookup_keys_max: Some = 1000
    concurrent_pages: AnyNumber = 2


class StateSection(DatabaseSection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[state]: the database of our own schema; default: the ERP's database. `listen_url` is an address of the same
    database without a transaction pooler, for LISTEN; default: `database_url`.
    """

    database_url: Secret | None = None
    listen_url: Secret | None = None

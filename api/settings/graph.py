"""The sections [lists] and [federation]."""

import msgspec

from api.settings.bounds import AnyNumber, Seconds


class ListsSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[lists]: lists by the total balance, and sums. Up to `exact_max` rows are read as they are now."""

    exact_max: AnyNumber = 10_000
    snapshot_seconds: Seconds = 300.0


class FederationSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[federation]: whether the graph has the fields for a federation gateway."""

    enabled: bool = False

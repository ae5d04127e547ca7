"""Makes records of rows of the ledger."""

from dataclasses import fields
from typing import Any

import msgspec

from core.records import Failure, InstructionRecord

_COLUMNS = tuple(column.name for column in fields(InstructionRecord) if column.name != "events")


def instruction_record(row: Any) -> InstructionRecord:
    """The record of a row with the ledger's columns; other columns of the row are ignored."""
    values = {name: row[name] for name in _COLUMNS}
    values["details"] = msgspec.json.decode(values["details"])
    failure = values.pop("failure")
    return InstructionRecord(**values, failure=None if failure is None else msgspec.json.decode(failure, type=Failure))

"""The audit of reads: which principal has read which clients."""

from typing import Final

import structlog

from core.call import Call

log = structlog.get_logger(__name__)

# The numbers of one line. `total` counts all.
_MOST_SHOWN: Final = 100


def log_reads(call: Call) -> None:
    """Write the line of one request, or of one answer of a stream, if it has read clients and reads are audited."""
    if not call.reads:
        return
    shown = sorted(call.reads)[:_MOST_SHOWN]
    log.info("audit.read", principal=call.caller, request_id=call.request_id, clients=shown, total=len(call.reads))

"""The audit of reads: which principal has read which clients."""

from typing import Final

import structlog

from core.call import Call

log = structlog.get_logger(__name__)

# A request that reads more clients has more lines, so that no read is hidden behind others.
_CLIENTS_OF_A_LINE: Final = 100


def log_reads(call: Call) -> None:
    """Write the lines of one request, or of one answer of a stream, if it has read clients and reads are audited."""
    numbers = sorted(call.reads or ())
    for first in range(0, len(numbers), _CLIENTS_OF_A_LINE):
        clients = numbers[first : first + _CLIENTS_OF_A_LINE]
        log.info("audit.read", principal=call.caller, request_id=call.request_id, clients=clients, total=len(numbers))

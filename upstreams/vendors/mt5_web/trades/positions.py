"""Open positions: one call for many accounts [D, MQ-pos]. Orders are no positions."""

from collections.abc import Sequence
from functools import partial

from core.call import Call
from core.trades import PositionRecord
from upstreams.vendors.kit.live_batches import Chunk, ask_in_chunks
from upstreams.vendors.kit.trade_ports import Calls, ListAnswer
from upstreams.vendors.kit.trade_values import number_of
from upstreams.vendors.mt5_web.live import LOGINS
from upstreams.vendors.mt5_web.trades.reads import ListReads
from upstreams.vendors.mt5_web.trades.rows import Mt5Position, read_position

POSITIONS_PATH = "/api/position/get_batch"


class Mt5WebOpenPositions(ListReads):
    """The open positions of one server."""

    def most_calls(self, logins: int) -> Calls:
        return Calls(-(-logins // self._chunk), logins)

    async def fetch(self, logins: Sequence[str], call: Call) -> ListAnswer[PositionRecord]:
        async def ask(chunk: Sequence[str]) -> Chunk[list[PositionRecord]]:
            zone = self._time.zone(await self._time.offset(call))
            rows = await self._rows(POSITIONS_PATH, chunk, call)
            return rows.read(chunk, Mt5Position, partial(read_position, zone=zone), number_of, self._failures)

        return await ask_in_chunks(logins, self._chunk, LOGINS, ask)

    async def aclose(self) -> None:
        """No call is shared."""

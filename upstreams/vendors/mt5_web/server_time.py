"""The clock of an MT5 server. Its seconds are local wall clock, written as if they were UTC [I, vendors of A14]."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import msgspec

from core.call import Call, Tally
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.link import Link
from upstreams.http.request import HttpRequest
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.kit.ttl_cache import SharedAnswer
from upstreams.vendors.mt5_web.retcodes import HEADERS, open_envelope

TIME_PATH = "/api/time/server"
# Zones differ from UTC by quarters of an hour, and a summer time begins or ends at one.
_STEP = timedelta(minutes=15)
_LARGEST = timedelta(hours=15)
# In the year 9987.
_LATEST = 253_000_000_000


class _Time(msgspec.Struct, rename="pascal"):
    time: int | str


class ServerTime:
    """The offset of the server's clock from UTC, measured every quarter of an hour."""

    def __init__(self, lane: str, link: Link, zone: ZoneInfo) -> None:
        self._lane = lane
        self._link = link
        self._zone = zone
        seconds = link.limits.total_timeout_seconds
        self._shared: SharedAnswer[timedelta] = SharedAnswer(
            link.clock, link.failures, max_age_seconds=_STEP.total_seconds(), fetch_seconds=seconds
        )

    async def offset(self, call: Call) -> timedelta:
        # With its own tally, because the call is not one of the operation's figures.
        return await self._shared.get("offset", self._measure, msgspec.structs.replace(call, tally=Tally()))

    def zone(self, offset: timedelta) -> tzinfo:
        """The zone of the settings, which knows the offset of every season. It counts only if it has the measured
        offset now.
        """
        now = self._link.clock.now().astimezone(self._zone)
        return self._zone if now.utcoffset() == offset else timezone(offset)

    async def aclose(self) -> None:
        await self._shared.aclose()

    async def _measure(self, call: Call) -> timedelta:
        before = self._link.clock.now()

        def read(answer: HttpAnswer) -> timedelta:
            envelope = open_envelope(answer, self._link.failures, writes=False)
            seconds = int(str(msgspec.json.decode(envelope.answer, type=_Time).time).split(" ", 1)[0])
            now = before + (self._link.clock.now() - before) / 2
            offset = round((datetime.fromtimestamp(seconds, UTC) - now) / _STEP) * _STEP
            if abs(offset) > _LARGEST:
                raise wire.Nonsense("a clock that is wrong by days")
            return offset

        return await self._link.read(HttpRequest("GET", TIME_PATH, headers=HEADERS, lane=self._lane), read, call)


def moment_of(seconds: int | None, zone: tzinfo) -> datetime | None:
    """The time of a stamp. None for 0, which means never, and for a stamp beyond the calendar."""
    if seconds is None or not 0 < seconds < _LATEST:
        return None
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=zone).astimezone(UTC)

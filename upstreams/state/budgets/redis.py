"""Budgets in Redis or Valkey: one script for each draw, by the clock of the store. Old buckets expire."""

import asyncio
from importlib.resources import files

from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.secret import Secret
from upstreams.state.budgets.token_bucket import Draw, Level, StoreAway

_PREFIX = "brokergraph:budget:"


class RedisStore:
    """A store that connects at its first draw."""

    def __init__(self, url: Secret, timeout_seconds: float) -> None:
        self._seconds = timeout_seconds
        # A lost draw is not repeated, because the store may have made it.
        self._redis = Redis.from_url(
            url.reveal(),
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            decode_responses=True,
            client_name="brokergraph",
            retry=None,
        )
        script = files("upstreams.state.budgets").joinpath("take.lua").read_text(encoding="utf-8")
        self._take = self._redis.register_script(script)

    async def take(self, principal: str, draw: Draw) -> Level:
        arguments = [draw.per_minute, draw.cost, draw.floor]
        try:
            async with asyncio.timeout(self._seconds):
                granted, level, at = await self._take(keys=[_PREFIX + principal], args=arguments)
        except (RedisError, OSError) as error:
            # TimeoutError is an OSError. Because its text may hold the address, only the class is kept.
            raise StoreAway(type(error).__name__) from error
        return Level(int(level), int(at), bool(granted))

    async def aclose(self) -> None:
        await self._redis.aclose()

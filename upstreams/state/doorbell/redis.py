"""The doorbell by PUBLISH of Redis or Valkey."""

from collections.abc import Callable, Collection
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.secret import Secret
from upstreams.state.doorbell.doorbell import Bell, BellLost

_CHANNEL: Final = "brokergraph:doorbell"
_SECONDS: Final = 5.0
# A connection on which nothing rings is checked in this time.
_CHECK_SECONDS: Final = 15


class RedisWire:
    """Raises ValueError for an address that is none. Connects at the first use."""

    def __init__(self, url: Secret) -> None:
        self._redis = Redis.from_url(
            url.reveal(),
            socket_connect_timeout=_SECONDS,
            decode_responses=True,
            client_name="brokergraph",
            health_check_interval=_CHECK_SECONDS,
            retry=None,
        )

    async def send(self, bells: Collection[Bell]) -> None:
        try:
            for bell in sorted(bells):
                await self._redis.publish(_CHANNEL, bell)
        except (RedisError, OSError) as error:
            # Because its text may hold the address, only the class is kept.
            raise BellLost(type(error).__name__) from error

    async def receive(self, rung: Callable[[str], None], listening: Callable[[], None]) -> None:
        try:
            async with self._redis.pubsub(ignore_subscribe_messages=True) as heard:
                await heard.subscribe(_CHANNEL)
                listening()
                while True:
                    message = await heard.get_message(timeout=_CHECK_SECONDS)
                    if message is not None:
                        rung(message["data"])
        except (RedisError, OSError) as error:
            raise BellLost(type(error).__name__) from error

    async def aclose(self) -> None:
        await self._redis.aclose()

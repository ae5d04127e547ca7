from contextlib import asynccontextmanager

import asyncpg
import pytest

from core.call import Call, Tally
from core.clock import Clock, Deadline
from core.errors import Misunderstood, Unavailable
from core.secret import Secret
from upstreams.postgres.database import Database, DatabaseConfig
from upstreams.state.vendor_tokens import DatabaseTokenStore

pytestmark = pytest.mark.anyio


class FailingDatabase(Database):
    """Every statement fails in one way."""

    def __init__(self, error):
        super().__init__(DatabaseConfig(url=Secret("postgresql://nowhere")), label="TEST")
        self.error = error

    async def fetch(self, *_arguments, **_options):
        raise self.error

    async def pool(self):
        return self

    @asynccontextmanager
    async def connection(self, _seconds):
        yield self


@pytest.mark.parametrize(
    "error, expected, tries",
    [
        (asyncpg.QueryCanceledError("statement timeout"), Unavailable, 1),
        (asyncpg.AdminShutdownError("going down"), Unavailable, 2),
        (asyncpg.InterfaceError("connection is closed"), Unavailable, 2),
        (ConnectionResetError(), Unavailable, 2),
        (TimeoutError(), Unavailable, 1),
        (asyncpg.UndefinedTableError("no such view"), Misunderstood, 1),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_read_is_tried_again_only_where_the_connection_was_lost(error, expected, tries):
    clock = Clock()
    call = Call(Deadline.after(5, clock), Tally(), "test")

    with pytest.raises(expected) as raised:
        await FailingDatabase(error).read("SELECT 1", call=call)

    assert call.tally.calls["TEST"] == tries
    assert str(error) not in raised.value.message or not str(error)


@pytest.mark.parametrize("error", [asyncpg.AdminShutdownError("going down"), ConnectionResetError()])
async def test_a_write_is_never_tried_again(error):
    database = FailingDatabase(error)
    tries = []

    async def fetch(*arguments, **_options):
        tries.append(arguments)
        raise error

    database.fetch = fetch
    with pytest.raises(Unavailable):
        await database.write("INSERT", seconds=1)

    assert len(tries) == 1


async def test_the_lock_of_a_vendor_token_needs_the_database():
    class Away(Database):
        async def pool(self):
            raise ConnectionRefusedError

    database = Away(DatabaseConfig(url=Secret("postgresql://nowhere")), label="TEST")

    with pytest.raises(Unavailable):
        async with DatabaseTokenStore(database, Clock(), "cplugin.main").locked():
            pass

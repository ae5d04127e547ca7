import pytest
from support.ledgers import scratch_database


@pytest.fixture
async def scratch(box):
    async with scratch_database(box) as opened:
        yield opened

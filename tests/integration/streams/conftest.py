"""A graph for streams, and accounts to move money on."""

import pytest
from support.graphs import running_graph


@pytest.fixture(scope="module")
def graph(box):
    with running_graph(box) as running:
        yield running


@pytest.fixture
async def account(database):
    """An active USD account of agency 1 on R3: (server, login)."""
    login = await database.fetchval(
        """SELECT t.login FROM platform.account a
           JOIN brokergraph_erp.trading_account t ON t.server = a.server AND t.login = a.login::text
           JOIN brokergraph_erp.client c ON c.client_number = t.client_number
           WHERE a.server = 'R3' AND a.currency = 'USD' AND c.identity_locked AND c.erp_status IN (4, 5)
                 AND c.agency = $1 AND a.enabled AND NOT a.read_only ORDER BY a.login LIMIT 1""",
        1,
    )
    assert login is not None
    return "R3", login

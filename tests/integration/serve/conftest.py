import secrets
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from support.served import Operator, execute, in_database


@pytest.fixture(scope="session")
def new_database(box) -> Callable[[], str]:
    """Makes empty databases that belong to the graph's role; gives their addresses. They go with the box."""

    def make() -> str:
        name = f"scratch_{secrets.token_hex(4)}"
        execute(box.database_url, f"CREATE DATABASE {name} OWNER brokergraph")
        return in_database(box.graph_database_url, name)

    return make


@pytest.fixture
def operator(well_behaved, new_database) -> Operator:
    """The box's ERP and vendors, which run without us, and an empty state database of its own."""
    return Operator(well_behaved.settings_path, {"BROKERGRAPH_STATE__DATABASE_URL": new_database()})


@dataclass(frozen=True)
class Acme:
    """A partner of a broker whose state database is up to date."""

    operator: Operator
    state: str
    key: str


@pytest.fixture(scope="session")
def running_acme(box, new_database) -> Acme:
    state = new_database()
    operator = Operator(box.settings_path, {"BROKERGRAPH_STATE__DATABASE_URL": state})
    assert operator.run_here("migrate").exit_code == 0
    made = operator.run_here("keys", "create", "acme", "--scope", "client:read", "--scope", "balance:read")
    assert made.exit_code == 0, made.output
    return Acme(operator, state, made.stdout.strip())


@pytest.fixture
def acme(running_acme, well_behaved) -> Acme:
    """Shared by tests that change nothing in the state database."""
    return running_acme

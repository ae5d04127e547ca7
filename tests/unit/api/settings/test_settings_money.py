"""[deposits] and [withdrawals]: a limit that could never apply is refused, because its absence would not be noticed."""

import pytest

from api.settings.settings import load_settings
from core.errors import ConfigError

LEAST = '[erp]\ndatabase_url = "postgresql://in-file"\naccounting_currency = "ILS"\n'
NAMES = [
    *(("deposits", name) for name in ("maximum", "daily_per_caller", "daily_per_account")),
    *(("withdrawals", name) for name in ("maximum", "daily_per_caller", "daily_per_account", "approval_above")),
]


@pytest.fixture
def load(tmp_path):
    def write_and_load(section, name, limits):
        path = tmp_path / "brokergraph.toml"
        path.write_text(f"{LEAST}[{section}]\n{name} = {{ {limits} }}\n", encoding="utf-8")
        return load_settings(path, {})

    return write_and_load


@pytest.mark.parametrize("section, name", NAMES)
@pytest.mark.parametrize("currency", ["usd", "Usd", "U", "DOLLAR", "1SD", "US-D", "", " USD", "ÄSD", "USD\\n"])
def test_a_limit_of_what_is_no_currency_is_refused(load, section, name, currency):
    with pytest.raises(ConfigError) as refused:
        load(section, name, f'"{currency}" = 5')

    assert refused.value.path == section
    assert name in refused.value.problem
    assert "not a currency" in refused.value.problem


@pytest.mark.parametrize("section, name", NAMES)
@pytest.mark.parametrize("amount", ["0", "-5", '"0.00"', "nan", "inf", '"NaN"', '"sNaN"', '"-Infinity"'])
def test_a_limit_that_is_no_amount_is_refused(load, section, name, amount):
    with pytest.raises(ConfigError) as refused:
        load(section, name, f"EUR = 5, USD = {amount}")

    assert refused.value.path == section
    assert f"{name}.USD" in refused.value.problem


@pytest.mark.parametrize("limits", ["USD = 10000, EUR = 0.5", 'BTC = "0.00000001", USDT = "1000.50"', ""])
def test_what_currencies_and_amounts_are_is_taken(load, limits):
    assert load("deposits", "maximum", limits)


@pytest.mark.parametrize("hours", ["0", "-1", "inf", "nan"])
def test_an_approval_needs_a_time_within_which_it_can_be_given(tmp_path, hours):
    path = tmp_path / "brokergraph.toml"
    path.write_text(f"{LEAST}[withdrawals]\napproval_expires_hours = {hours}\n", encoding="utf-8")

    with pytest.raises(ConfigError, match="approval_expires_hours"):
        load_settings(path, {})

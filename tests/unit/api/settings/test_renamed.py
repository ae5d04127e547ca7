import pytest

from api.settings.settings import load_settings
from core.errors import ConfigError

RENAMED = {
    "BROKERGRAPH_SETTLING__ENABLED": ("settling", "reconciliation"),
    "BROKERGRAPH_SETTLING__LOOK_EVERY_SECONDS": (
        "settling.look_every_seconds",
        "reconciliation.poll_interval_seconds",
    ),
    "BROKERGRAPH_SETTLING__AT_ONCE": ("settling.at_once", "reconciliation.batch_size"),
    "BROKERGRAPH_OVERLOAD__MAX_PRESENT": ("overload.max_present", "overload.max_in_flight"),
    "BROKERGRAPH_ERP__LOOKUPS_AT_ONCE": ("erp.lookups_at_once", "erp.concurrent_lookups"),
    "BROKERGRAPH_ERP__PAGES_AT_ONCE": ("erp.pages_at_once", "erp.concurrent_pages"),
    "BROKERGRAPH_CPLUGIN__M1__LIVE_CALLS_AT_ONCE": ("cplugin.M1.live_calls_at_once", "concurrent_live_calls"),
    "BROKERGRAPH_BROKER_WORK__B1__LIVE_CALLS_AT_ONCE": ("broker_work.B1.live_calls_at_once", "concurrent_live_calls"),
}


@pytest.mark.parametrize("variable", RENAMED)
def test_a_setting_with_its_old_name_stops_the_start_and_names_the_new_one(variable):
    old, new = RENAMED[variable]

    with pytest.raises(ConfigError) as raised:
        load_settings(None, {variable: "1"})

    assert str(raised.value) == f"{old}: is called {new} now; rename it"

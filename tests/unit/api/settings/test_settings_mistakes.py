"""What is wrong with the settings is told with the very place where it stands, and with what may stand there."""

import pytest

from api.settings.settings import load_settings
from core.errors import ConfigError

LEAST = '[erp]\ndatabase_url = "postgresql://erp"\naccounting_currency = "ILS"\n'
GOOD = '[servers.R1]\nplatform = "MT4"\nadapter = "cplugin"\nconnection = "main"\nid = "1"\n'


@pytest.fixture
def refused(tmp_path):
    def load(text):
        path = tmp_path / "brokergraph.toml"
        path.write_text(LEAST + text, encoding="utf-8")
        with pytest.raises(ConfigError) as caught:
            load_settings(path, {})
        return caught.value

    return load


@pytest.mark.parametrize(
    "text, path, words",
    [
        (
            GOOD + GOOD.replace("R1", "R7").replace("MT4", "MT9"),
            "servers.R7.platform",
            ["'MT9'", "CTRADER, FORTEX, MT4, MT5, MTR, WTA"],
        ),
        (
            GOOD + GOOD.replace("R1", '"R 7"').replace('id = "1"', "id = 5"),
            "servers.R 7.id",
            ["Expected `str`, got `int`"],
        ),
        (
            GOOD + GOOD.replace("R1", "R7").replace('"cplugin"', "1"),
            "servers.R7.adapter",
            ["broctagon, broker_work, cplugin"],
        ),
        (GOOD + "group = 1\n", "servers.R1.group", ["is no setting", "did you mean groups?"]),
        (GOOD + "groups = [1]\n", "servers.R1.groups[0]", ["Expected `str`"]),
        ('[documents]\npartners = { acme = "off", Other = "on" }\n', "documents.partners.Other", ["enforce, log, off"]),
        ('[deposits]\nmaximum = { EUR = 1, USD = "much" }\n', "deposits.maximum.USD", ["decimal"]),
        (
            '[auth.oidc.staff]\nissuer = "x"\naudience = ["x"]\nscopes = { a = ["b"], c = [1] }\n',
            "auth.oidc.staff.scopes.c[0]",
            ["Expected `str`, got `int`"],
        ),
        ('[server]\nlog_format = "xml"\n', "server.log_format", ["'xml'", "console, json"]),
        ("[server]\nport = 99999\n", "server.port", ["65535", "99999"]),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_may_stand_there(refused, text, path, words):
    error = refused(text)

    assert error.path == path
    assert [word for word in words if word not in error.problem] == []

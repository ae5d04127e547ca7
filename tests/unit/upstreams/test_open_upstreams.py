import msgspec
import pytest
from support.vendor_calls import changed

from core.clock import Clock
from core.errors import ConfigError
from core.secret import Secret
from upstreams.open import UpstreamsConfig, open_upstreams
from upstreams.vendors.broctagon.config import BroctagonConfig
from upstreams.vendors.broker_work.config import BrokerWorkConfig
from upstreams.vendors.cplugin.config import CPluginConfig
from upstreams.vendors.hyper.config import HyperConfig
from upstreams.vendors.kit.server_config import ServerConfig
from upstreams.vendors.kit.token_store import memory_tokens
from upstreams.vendors.registry import vendor_of

pytestmark = pytest.mark.anyio

ADDRESS = "http://127.0.0.1:9"
GUID = "0b6f2a54-5b0e-4f0c-9d0e-52c1e9a7d101"
GOOD = UpstreamsConfig(
    connections={
        ("hyper", ""): HyperConfig(url=ADDRESS, access_token=Secret("t")),
        ("broctagon", ""): BroctagonConfig(url=ADDRESS, key=Secret("k")),
        ("cplugin", "main"): CPluginConfig(url=ADDRESS, auth_url=ADDRESS, client_id="c", client_secret=Secret("s")),
        ("broker_work", "main"): BrokerWorkConfig(url=ADDRESS, tenant_id="T1", token=Secret("t")),
    },
    servers={
        "R1": ServerConfig(platform="MT4", adapter="cplugin", connection="main", id=GUID, deposits=True, groups=("G",)),
        "R2": ServerConfig(platform="MT5", adapter="cplugin", connection="main", id=GUID, deposits=True),
        "L1": ServerConfig(platform="CTRADER", adapter="broker_work", connection="main", id="1", deposits=True),
        "A1": ServerConfig(platform="MT4", adapter="broctagon", id="c", deposits=True),
    },
)
replace = msgspec.structs.replace


TWO_CRMS = replace(GOOD, connections={**GOOD.connections, ("broctagon", "other"): GOOD.connections["broctagon", ""]})


def with_server(**changes) -> UpstreamsConfig:
    return replace(GOOD, servers={"R7": replace(GOOD.servers["R1"], **changes)})


async def opened(config: UpstreamsConfig):
    async with open_upstreams(config, Clock(), memory_tokens) as house:
        return house


async def test_each_server_says_what_it_can():
    house = await opened(GOOD)

    able = {
        name: (server.deposits is not None, server.accounts is not None, server.live and server.live.batch_max)
        for name, server in house.servers.items()
    }
    assert able == {
        "R1": (True, True, 200),
        "R2": (False, False, 1),
        "L1": (False, False, 200),
        "A1": (True, False, None),
    }
    for name, server in house.servers.items():
        config = GOOD.servers[name]
        ports = {port for port in ("live", "deposits", "withdrawals", "accounts") if getattr(server, port) is not None}
        assert ports <= vendor_of(config.adapter).servers.platforms[config.platform]
    assert [link.name for link in house.health()] == ["hyper", "main", "main (tokens)", "main", "broctagon"]


@pytest.mark.parametrize(
    "config,path",
    [
        (with_server(connection="nowhere"), "servers.R7.connection"),
        (with_server(adapter="nobody"), "servers.R7.adapter"),
        (with_server(adapter="hyper"), "servers.R7.adapter"),
        (with_server(connection=""), "servers.R7.connection"),
        (with_server(platform="CTRADER"), "servers.R7.platform"),
        (with_server(adapter="broctagon", platform="MT5"), "servers.R7.platform"),
        (with_server(adapter="broker_work", platform="WTA"), "servers.R7.platform"),
        (with_server(timezone="Mars/Olympus"), "servers.R7.timezone"),
        (with_server(timezone="Europe"), "servers.R7.timezone"),
        (with_server(timezone="../../etc/passwd"), "servers.R7.timezone"),
        (with_server(id="R1"), "servers.R7.id"),
        (replace(with_server(adapter="broctagon"), connections={}), "servers.R7.adapter"),
        (TWO_CRMS, "broctagon.other"),
        (changed(GOOD, "hyper", url="ftp://x"), "hyper.url"),
        (changed(GOOD, "hyper", url="http://user:pw@x"), "hyper.url"),
        (changed(GOOD, "hyper", refresh="fixed"), "hyper.refresh_token"),
    ],
)
async def test_a_wrong_setting_is_named(config, path):
    with pytest.raises(ConfigError) as refused:
        await opened(config)

    assert refused.value.path == path
    assert "pw" not in str(refused.value)

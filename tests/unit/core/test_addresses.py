"""O4: an address with a password in it is read in one way or refused, and no error shows a piece of it."""

from inspect import signature
from urllib.parse import quote

import pytest
from asyncpg import connect_utils
from hypothesis import given
from hypothesis import strategies as some

from api.settings.settings import load_settings
from core.addresses import POSTGRESQL, REDIS, Ambiguous, check_address, find_passwords
from core.clock import Clock
from core.errors import ConfigError
from core.secret import Secret
from upstreams.open import UpstreamsConfig, open_upstreams
from upstreams.vendors.hyper.config import HyperConfig
from upstreams.vendors.kit.token_store import memory_tokens

LEAST = {"BROKERGRAPH_ERP__DATABASE_URL": "postgresql://erp", "BROKERGRAPH_ERP__ACCOUNTING_CURRENCY": "ILS"}
# Each holds what cannot stand in a password as it is; the pieces around it are no words of ours.
PASSWORDS = [
    "Secr3tPart#x7Yz",
    "6021#x7YzQw9",
    "Secr3tPart/x7Yz",
    "6021/x7YzQw9",
    "Secr3tPart?x7Yz",
    "6021?x7Yz=Qw9k",
    "Secr3tPart@x7Yz",
    "x7Yz@Qw9k@Vb3m",
    "Secr3tPart%zz7Yz",
    "Secr3tPart%",
    "Secr3tPart%ffx7Yz",
    "Secr3tPart%00x7Yz",
    "[Secr3tPart",
    "Secr3t]Part",
    "[::x7]Secr3tPart",
    "Secr3t Part",
    "Secr3t\tPart",
    "Secr3t\nPart",
    "Secr3t\u2100Part",
    "//Secr3tPart",
    "#Secr3tPart",
]


def addresses(password: str) -> list[str]:
    return [f"postgresql://reader:{password}@127.0.0.1/erp", f"postgres://reader:{password}@db-1:5433,db-2/erp?a=b"]


def pieces(secret: str) -> set[str]:
    return {secret[start : start + 4] for start in range(len(secret) - 3)}


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("name", ["erp.database_url", "state.database_url", "state.listen_url"])
def test_o4_a_password_that_is_not_encoded_stops_the_start_and_is_not_shown(name, password, tmp_path):
    (tmp_path / "url").write_text(addresses(password)[0])
    for address in addresses(password):
        variable = f"BROKERGRAPH_{name.upper().replace('.', '__')}"
        for given_by in (
            {variable: address},
            {variable: '{ env = "ELSEWHERE" }', "ELSEWHERE": address},
            {variable: f'{{ file = "{tmp_path}/url" }}'},
        ):
            with pytest.raises(ConfigError) as refused:
                load_settings(None, LEAST | given_by)

            words = str(refused.value)
            assert words.startswith(f"{name}: cannot be read: ")
            assert f"percent-encode the password of {name}" in words
            assert [piece for piece in pieces(password) if piece in words] == []


@pytest.mark.parametrize("password", PASSWORDS)
def test_o4_the_same_password_percent_encoded_is_taken_and_known(password):
    for address in addresses(quote(password, safe="")):
        settings = load_settings(None, LEAST | {"BROKERGRAPH_ERP__DATABASE_URL": address})

        assert password in find_passwords(settings.erp.database_url.reveal())


@pytest.mark.parametrize("password", PASSWORDS)
def test_o4_the_address_of_redis_is_read_as_strictly(password):
    for address in (f"redis://:{password}@127.0.0.1/0", f"rediss://reader:{password}@h:6379", f"unix://:{password}@/s"):
        with pytest.raises(ConfigError, match=r"^budget.redis_url: .*percent-encode the password of budget.redis_url"):
            load_settings(None, LEAST | {"BROKERGRAPH_BUDGET__REDIS_URL": address})


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://",
        "postgresql:///erp",
        "postgresql://db/erp",
        "postgresql://reader@db",
        "postgresql://reader:a:b!$&'()*+,;=-._~@db:5432/erp",
        "postgresql://reader:p%23%2F%3F%40%25%5B@db/erp?sslmode=require&application_name=graph",
        "postgresql://reader:ü@db/erp",
        "postgresql://reader:p@a:1,b:2,c/erp?target_session_attrs=read-write",
        "postgresql://reader:p@[::1]:5432/erp",
        "postgresql:///erp?host=/run/postgresql",
        "postgresql://graph@/erp?host=%2Frun%2Fpostgresql&port=5433",
        "postgresql://reader:p@%2Frun%2Fpostgresql/erp",
        "postgresql:///erp?host=/a,/b&port=1,2",
        "postgresql:///erp?user=reader&password=p%26q&host=db",
        "postgresql://db/erp?search_path=brokergraph_erp&statement_timeout=5000",
        "postgresql://db/erp%2Fold",
    ],
)
def test_what_can_be_read_in_one_way_is_taken(address):
    check_address(address, POSTGRESQL)


@pytest.mark.parametrize(
    "address", ["redis://", "redis://h/0", "redis://:p@h:6379/1", "unix:///run/redis.sock?db=0", "rediss://u:p@[::1]/0"]
)
def test_what_can_be_read_in_one_way_of_redis_is_taken(address):
    check_address(address, REDIS)


@pytest.mark.parametrize(
    "address, why",
    [
        ("mysql://db/erp", "does not begin"),
        ("postgresql:db", "does not begin"),
        ("postgresql://reader:Secr3t", "a host or a port"),
        ("postgresql://db:0", "a host or a port"),
        ("postgresql://db:65536/erp", "a host or a port"),
        ("postgresql://db,,x/erp", "a host or a port"),
        ("postgresql://[::x]/erp", "IPv6"),
        ("postgresql://db/erp/old", "second /"),
        ("postgresql://db/erp?Secr3t", "name=value"),
        ("postgresql://db/erp?a-b=c", "name=value"),
        ("postgresql://db/erp?host=reader:Secr3t", "a host or a port"),
        ("postgresql://db/erp?port=Secr3t", "not a number"),
        ("postgresql://db/erp?user=a&user=b", "twice"),
        ("postgresql://db/erp?password=p+q", r"\+"),
        ("postgresql://db/erp?password=p&Secr3t=q", "not known next to a password"),
        ("postgresql://db/erp?user=a@b", "second @"),
    ],
)
def test_o4_what_can_be_read_in_two_ways_or_none_is_refused_by_its_rule(address, why):
    with pytest.raises(Ambiguous, match=why) as refused:
        check_address(address, POSTGRESQL)

    assert "Secr3t" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "://", "a://b?c", "token://?password", "a://u:p@h?password=q"])
def test_passwords_are_looked_for_in_any_text(text):
    assert find_passwords(text) == ({"p", "q"} if "u:p" in text else set())


@pytest.mark.parametrize("kind", ["file", "env"])
def test_o4_an_address_in_the_place_of_a_name_is_not_shown(kind):
    given_by = {"BROKERGRAPH_ERP__DATABASE_URL": f'{{ {kind} = "postgresql://reader:Secr3tPart@db/erp" }}'}

    with pytest.raises(ConfigError, match=r"^erp.database_url: The (file|variable) named by an address ") as refused:
        load_settings(None, LEAST | given_by)

    assert "Secr3t" not in str(refused.value)


@pytest.mark.parametrize("password", [*PASSWORDS, "Secr3tPart"])
def test_o4_an_issuers_address_holds_no_password(password):
    issuer = {"ISSUER": f"https://reader:{password}@127.0.0.1/", "AUDIENCE": '["a"]'}

    with pytest.raises(ConfigError, match=r"^auth.oidc.x.issuer: ") as refused:
        load_settings(None, LEAST | {f"BROKERGRAPH_AUTH__OIDC__x__{name}": value for name, value in issuer.items()})

    assert [piece for piece in pieces(password) if piece in str(refused.value)] == []


@pytest.mark.anyio
@pytest.mark.parametrize("password", [*PASSWORDS, "Secr3tPart"])
async def test_o4_a_vendors_address_holds_no_password(password):
    url = f"https://reader:{password}@127.0.0.1/"
    config = UpstreamsConfig(connections={("hyper", ""): HyperConfig(url=url, access_token=Secret("t"))})

    with pytest.raises(ConfigError, match=r"^hyper.url: ") as refused:
        async with open_upstreams(config, Clock(), memory_tokens):
            pass

    assert [piece for piece in pieces(password) if piece in str(refused.value)] == []


def as_asyncpg(address: str):
    """(user, password, database) as asyncpg reads them."""
    nothing = dict.fromkeys(signature(connect_utils._parse_connect_dsn_and_args).parameters, None)  # noqa: SLF001
    _, found = connect_utils._parse_connect_dsn_and_args(**nothing | {"dsn": address})  # noqa: SLF001 - what is proven here.
    return found.user, found.password, found.database


TEXTS = some.text(min_size=1, max_size=12)
ODD = some.text(some.sampled_from("ab1:@/?#[]%,=&+ \t\u00fc\u2100."), max_size=12)


@given(ODD, ODD, ODD, some.booleans())
def test_o4_whatever_is_taken_is_read_by_asyncpg_as_by_us(user, password, rest, encoded):
    written = quote(password, safe="") if encoded else password
    address = f"postgresql://{user}:{written}@db{rest}"
    try:
        check_address(address, POSTGRESQL)
    except Ambiguous:
        return

    _, found, _ = as_asyncpg(address)

    assert (found or "") in find_passwords(address) | {""}
    if encoded and password and user and ":" not in user:
        assert found == password


@given(TEXTS.filter(lambda text: "\x00" not in text), TEXTS.filter(lambda text: "\x00" not in text))
def test_o4_every_password_can_be_written_percent_encoded(user, password):
    try:
        address = f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@127.0.0.1:5432/erp"
    except UnicodeEncodeError:
        return
    check_address(address, POSTGRESQL)

    assert as_asyncpg(address) == (user, password, "erp")
    assert password in find_passwords(address)

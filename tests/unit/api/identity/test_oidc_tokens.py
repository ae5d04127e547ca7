"""Which tokens are believed, and what they are good for: a real issuer on a socket, every forgery that is known."""

import base64
import json
import time
from pathlib import Path

import pytest
from joserfc import jwk, jws
from support.issuers import AUDIENCE, issuing, part

from api.identity.jwks import IssuerKeys
from api.identity.oidc import InvalidToken, Issuer, issuer_of
from api.settings.oidc import OidcConfig, check_issuers
from core.clock import Clock
from core.errors import ConfigError
from core.secret import Secret
from upstreams.http.fetch import Fetcher

pytestmark = pytest.mark.anyio
MEANING = {"desk": ("client:read", "balance:read", "deposit:create"), "ops": ("metrics:read",)}


@pytest.fixture(scope="module")
def issuer():
    with issuing() as running:
        running.new_key("rsa", "RSA")
        yield running


@pytest.fixture
async def believes(issuer):
    """Asks for the caller of a token, under settings that a test may vary."""
    fetcher = Fetcher()

    async def ask(token, **settings):
        facts = {
            "issuer": issuer.url,
            "audience": (AUDIENCE,),
            "algorithms": ("ES256", "RS256"),
            "scopes": MEANING,
            "client_number_claim": "client",
            "client_number_required": False,
        }
        config = OidcConfig(**facts | settings)
        keys = IssuerKeys(config, fetcher, Clock())
        return await Issuer("staff", config, keys, Clock()).caller(Secret(token))

    yield ask
    await fetcher.aclose()


@pytest.mark.parametrize("kid", ["one", "rsa"])
async def test_a_good_token_is_what_its_claims_are_translated_into(issuer, believes, kid):
    caller = await believes(issuer.token(kid))

    assert caller.principal == f"{issuer.url}#anna"
    assert caller.scopes == {"client:read", "balance:read", "deposit:create"}
    assert (caller.agencies, caller.client_number) == ((1,), None)
    assert caller.name.startswith("oidc:staff:")
    assert "anna" not in caller.name


@pytest.mark.parametrize(
    "claims, scopes, agencies",
    [
        ({"scope": "desk ops"}, {"client:read", "balance:read", "deposit:create", "metrics:read"}, (1,)),
        ({"scope": ["ops", "unknown"]}, {"metrics:read"}, (1,)),
        ({"scope": "client:read schema:read"}, set(), (1,)),
        ({"scope": ...}, set(), (1,)),
        ({"agencies": ...}, MEANING["desk"], ()),
        ({"agencies": []}, MEANING["desk"], ()),
        ({"agencies": "2 7"}, MEANING["desk"], (2, 7)),
        ({"agencies": ["7", 2, 2]}, MEANING["desk"], (2, 7)),
        ({"agencies": 3}, MEANING["desk"], (3,)),
    ],
)
async def test_what_is_missing_or_unknown_gives_nothing(issuer, believes, claims, scopes, agencies):
    caller = await believes(issuer.token(**claims))

    assert caller.scopes == set(scopes)
    assert caller.agencies == agencies


async def test_every_agency_is_only_for_the_text_that_the_settings_name(issuer, believes):
    assert (await believes(issuer.token(agencies=["all"]), every_agency="all")).agencies is None
    with pytest.raises(InvalidToken):
        await believes(issuer.token(agencies=["all"]))


@pytest.mark.parametrize("claims", [{"agencies": "all"}, {"agencies": [True]}, {"agencies": [-1]}, {"agencies": {}},
                                    {"scope": [1]}, {"scope": {}}, {"client": "anna"}, {"client": None},
                                    {"client": True}, {"client": -1}, {"client": 2**31}, {"client": "1" * 5000},
                                    {"client": []}])  # fmt: skip
async def test_a_claim_that_cannot_be_read_refuses_the_token(issuer, believes, claims):
    with pytest.raises(InvalidToken):
        await believes(issuer.token(**claims))


async def test_a_clients_own_token_sees_that_client_and_holds_nothing_that_changes(issuer, believes):
    everything = {"all": tuple(f"{name}" for name in ("client:read", "instruction:read", "deposit:create",
                  "account:create", "account-request:create", "schema:read", "metrics:read"))}  # fmt: skip
    caller = await believes(issuer.token(scope="all", client=500608, agencies=["all"]), scopes=everything)

    assert caller.client_number == 500608
    assert caller.scopes == {"client:read", "instruction:read"}
    assert caller.visible.of_clients() == (None, 500608)
    assert caller.visible.of_instructions() == (None, 500608, f"{issuer.url}#anna")


KEYCLOAK = {
    "scopes_claim": "realm_access.roles",
    "agencies_claim": "org.agencies",
    "client_number_claim": "user.number",
}
NESTED = {"scope": ..., "agencies": ..., "realm_access": {"roles": ["desk"]}, "org": {"agencies": [3]}}


async def test_i1_claims_are_found_by_their_path(issuer, believes):
    staff = await believes(issuer.token(**NESTED), **KEYCLOAK)
    client = await believes(issuer.token(**NESTED, user={"number": 500608}), **KEYCLOAK)

    assert (staff.scopes, staff.agencies, staff.client_number) == (set(MEANING["desk"]), (3,), None)
    assert (client.scopes, client.agencies, client.client_number) == ({"client:read", "balance:read"}, None, 500608)
    assert client.visible.of_clients() == (None, 500608)


@pytest.mark.parametrize(
    "name, claims, scopes",
    [
        ("realm_access.roles", {"realm_access.roles": ["ops"], "realm_access": {"roles": ["desk"]}}, MEANING["ops"]),
        ("https://x.example/roles", {"https://x.example/roles": ["ops"]}, MEANING["ops"]),
        ("resource_access.my.app.roles", {"resource_access": {"my.app": {"roles": ["ops"]}}}, MEANING["ops"]),
        ("a.b.c", {"a": {"b": {"c": "desk"}}, "a.b": {"c": "ops"}}, MEANING["ops"]),
        ("a.b.c", {"a": {"b": {"c": "ops"}}, "a.b": {"d": "desk"}}, MEANING["ops"]),
        ("a.b", {"a": {"b": []}}, ()),
    ],
)
async def test_i1_the_literal_name_comes_before_the_path(issuer, believes, name, claims, scopes):
    assert (await believes(issuer.token(scope=..., **claims), scopes_claim=name)).scopes == set(scopes)


@pytest.mark.parametrize(
    "settings, claims, missing",
    [
        (KEYCLOAK, {**NESTED, "realm_access": ...}, "realm_access.roles"),
        (KEYCLOAK, {**NESTED, "realm_access": {}}, "realm_access.roles"),
        (KEYCLOAK, {**NESTED, "realm_access": ["roles"]}, "realm_access.roles"),
        (KEYCLOAK, {**NESTED, "realm_access": "roles"}, "realm_access.roles"),
        ({"scopes_claim": "scope"}, {"scope": ...}, "scope"),
        ({"client_number_required": True}, {}, "client"),
        (KEYCLOAK | {"client_number_required": True}, NESTED, "user.number"),
        (KEYCLOAK | {"client_number_required": True}, {**NESTED, "user": {}}, "user.number"),
        (KEYCLOAK | {"client_number_required": True}, {**NESTED, "user": [500608]}, "user.number"),
    ],
)
async def test_i1_a_token_without_a_configured_claim_is_refused_by_its_name(
    issuer, believes, settings, claims, missing
):
    with pytest.raises(InvalidToken) as caught:
        await believes(issuer.token(**claims), **settings)

    assert caught.value.reason == f"the claim {missing} is missing"


@pytest.mark.parametrize("number", [None, "anna", True, -1, {"number": 1}, [1], ""])
@pytest.mark.parametrize("is_required", [True, False])
async def test_i1_a_clients_token_is_never_read_as_staffs(issuer, believes, number, is_required):
    settings = KEYCLOAK | {"client_number_required": is_required}
    for claims in ({"user": {"number": number}}, {"user.number": number, "user": {"number": 500608}}):
        with pytest.raises(InvalidToken, match="client number"):
            await believes(issuer.token(**NESTED, **claims), **settings)


async def test_i1_an_agencies_claim_that_is_not_found_gives_no_agency(issuer, believes):
    for claims in ({"org": ...}, {"org": {}}, {"org": {"agencies": None}}, {"org": [3]}):
        assert (await believes(issuer.token(**{**NESTED, **claims}), **KEYCLOAK)).agencies == ()


@pytest.mark.parametrize("kid", [..., None, 7, ["one"]])
async def test_i4_a_token_without_a_kid_is_refused_by_that_name(issuer, believes, kid):
    head = {name: value for name, value in {"alg": "ES256", "kid": kid}.items() if value is not ...}

    with pytest.raises(InvalidToken, match="no kid"):
        await believes(sign(issuer, head))


BAD_CLAIMS = {
    "expired": {"exp": int(time.time()) - 31},
    "without an end": {"exp": ...},
    "good for ever": {"exp": 10**12},
    "good for infinity": {"exp": float("inf")},
    "ending as text": {"exp": "tomorrow"},
    "of the future": {"iat": int(time.time()) + 3600, "exp": int(time.time()) + 4000},
    "not good yet": {"nbf": int(time.time()) + 3600, "exp": int(time.time()) + 4000},
    "without nbf": {"nbf": ...},
    "without iat": {"iat": ...},
    "iat as text": {"iat": "now"},
    "for others": {"aud": "another"},
    "for nobody": {"aud": ...},
    "for an empty list": {"aud": []},
    "of another issuer": {"iss": "https://evil.example.com"},
    "of no issuer": {"iss": ...},
    "of a list of issuers": {"iss": ["https://evil.example.com"]},
    "without a subject": {"sub": ...},
    "of an empty subject": {"sub": ""},
    "of a number": {"sub": 7},
    "of a long subject": {"sub": "a" * 256},
    "of an unprintable subject": {"sub": "a\nb"},
}


@pytest.mark.parametrize("claims", BAD_CLAIMS.values(), ids=BAD_CLAIMS.keys())
async def test_a_token_with_wrong_claims_is_refused(issuer, believes, claims):
    with pytest.raises(InvalidToken):
        await believes(issuer.token(**claims))


@pytest.mark.parametrize("claims", [{"exp": -25}, {"nbf": 25}, {"iat": 25}])
async def test_clocks_may_differ_by_as_much_as_the_settings_say(issuer, believes, claims):
    now = int(time.time())
    moved = {name: now + seconds for name, seconds in claims.items()} | ({"iat": now - 60} if "exp" in claims else {})

    assert await believes(issuer.token(**moved))
    with pytest.raises(InvalidToken):
        await believes(issuer.token(**moved), clock_skew_seconds=10)


async def test_an_issuer_without_nbf_can_be_allowed_it(issuer, believes):
    assert await believes(issuer.token(nbf=...), require_nbf=False)


BAD_HEADERS = {
    "kid unknown": {"kid": "nobody"},
    "no kid": {"kid": ...},
    "kid as path": {"kid": "../../etc/passwd"},
    "another type": {"typ": "secevent+jwt"},
    "critical": {"crit": ["exp"]},
    "critical and unknown": {"crit": ["x-new"], "x-new": 1},
}


@pytest.mark.parametrize("header", BAD_HEADERS.values(), ids=BAD_HEADERS.keys())
async def test_a_token_with_a_wrong_header_is_refused(issuer, believes, header):
    head = {name: value for name, value in ({"alg": "ES256", "kid": "one"} | header).items() if value is not ...}
    signed = sign(issuer, head)

    with pytest.raises(InvalidToken):
        await believes(signed)


def sign(issuer, head, key=None, **claims):
    """Signs whatever header there is, which a library that means well would refuse."""
    key = key or issuer.keys["one"]
    signing = f"{part(head)}.{part(issuer.claims(**claims))}"
    model = jws.JWSRegistry(algorithms=["ES256"]).get_alg("ES256")
    return f"{signing}.{base64.urlsafe_b64encode(model.sign(signing.encode(), key)).decode().rstrip('=')}"


async def test_types_may_be_left_out_or_written_in_other_ways(issuer, believes):
    for head in ({}, {"typ": "jwt"}, {"typ": "at+JWT"}, {"typ": "application/at+jwt"}):
        assert await believes(sign(issuer, {"alg": "ES256", "kid": "one"} | head))


@pytest.mark.parametrize("header", [{"jwk": True}, {"jku": True}, {"x5u": True}, {"jwk": True, "kid": "theirs"}])
async def test_keys_that_a_token_brings_along_are_never_used(issuer, believes, header):
    theirs = jwk.generate_key("EC", "P-256", {"kid": "theirs"})
    brought = {"jwk": theirs.as_dict(private=False), "jku": f"{issuer.url}/theirs", "x5u": f"{issuer.url}/x"}
    head = {"alg": "ES256", "kid": "one"} | {name: brought.get(name, value) for name, value in header.items()}
    issuer.asked.clear()

    with pytest.raises(InvalidToken):
        await believes(sign(issuer, head, theirs))

    assert not [path for path in issuer.asked if path in {"/theirs", "/x"}]


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "HS512", "ES384", "RS256", "dir", ""])
async def test_the_algorithm_is_ours_to_choose_and_not_the_tokens(issuer, believes, algorithm):
    unsigned = f"{part({'alg': algorithm, 'kid': 'one'})}.{part(issuer.claims())}"
    secret = jwk.import_key(json.dumps(issuer.keys["one"].as_dict(private=False)), "oct")
    signatures = ["", issuer.token().rpartition(".")[2]]
    if algorithm.startswith("HS"):
        model = jws.JWSRegistry(algorithms=[algorithm]).get_alg(algorithm)
        signatures.append(base64.urlsafe_b64encode(model.sign(unsigned.encode(), secret)).decode().rstrip("="))

    for signature in signatures:
        with pytest.raises(InvalidToken):
            await believes(f"{unsigned}.{signature}", algorithms=("ES256", "RS256", "ES384"))


async def test_a_key_is_used_for_its_own_kind_of_signature_alone(issuer, believes):
    head = {"alg": "RS256", "kid": "one", "typ": "JWT"}
    _, _, signature = issuer.token("rsa").split(".")

    with pytest.raises(InvalidToken):
        await believes(f"{part(head)}.{part(issuer.claims())}.{signature}")
    with pytest.raises(InvalidToken):
        await believes(issuer.token("rsa"), algorithms=("ES256",))


async def test_no_bit_of_a_token_can_be_changed(issuer, believes):
    token = issuer.token()
    head, body, signature = token.split(".")
    richer = part(issuer.claims(agencies=[1, 2, 3]))

    other_key = part({"alg": "ES256", "kid": "rsa"})
    tails = [f"{head}.{richer}.{signature}", f"{head}.{body}.", f"{head}.{body}.{signature[:-4]}AAAA"]
    for forged in (*tails, f"{other_key}.{body}.{signature}", "..", "a.b.c", f"{head}.{body}"):
        with pytest.raises(InvalidToken):
            await believes(forged)


async def test_a_token_that_is_too_long_is_not_looked_at(issuer, believes):
    token = issuer.token(extra="x" * 10_000)

    with pytest.raises(InvalidToken, match="too long"):
        await believes(token)
    assert await believes(token, max_token_characters=20_000)


def test_whose_a_token_is_is_read_without_trust_and_without_falling_over(issuer):
    assert issuer_of(Secret(issuer.token())) == issuer.url
    for text in ("..", "a.b.c", f"x.{part([])}.y", f"x.{part({'iss': 7})}.y", "x.\x00.y", f"x.{'A' * 9}.y"):
        with pytest.raises(InvalidToken):
            issuer_of(Secret(text))


@pytest.mark.parametrize(
    "settings, path",
    [
        ({"algorithms": ("HS256",)}, "algorithms"),
        ({"algorithms": ("RS256", "none")}, "algorithms"),
        ({"algorithms": ()}, "algorithms"),
        ({"audience": ()}, "audience"),
        ({"audience": ("",)}, "audience"),
        ({"issuer": "http://login.example.com"}, "issuer"),
        ({"issuer": "https://login.example.com/#a"}, "issuer"),
        ({"issuer": "https://u:p@login.example.com"}, "issuer"),
        ({"issuer": "login.example.com"}, "issuer"),
        ({"jwks_uri": "http://login.example.com/keys"}, "jwks_uri"),
        ({"jwks_uri": "file:///etc/passwd"}, "jwks_uri"),
        ({"dashboard_origins": ("http://tokens.example.com",)}, "dashboard_origins"),
        ({"scopes": {"desk": ("client:raed",)}}, "scopes.desk"),
        ({"ca_file": Path("/nowhere/ca.pem")}, "ca_file"),
        ({"ca_file": Path(__file__)}, "ca_file"),
        ({"proxy": Secret("proxy.example.com:3128")}, "proxy"),
        ({"proxy": Secret("socks5://proxy.example.com")}, "proxy"),
        ({"proxy": Secret("http://user:Secr3t#x@proxy.example.com")}, "proxy"),
        ({"proxy": Secret("http://proxy.example.com:port")}, "proxy"),
    ],
)
def test_settings_that_would_admit_any_token_are_refused(settings, path):
    config = OidcConfig(**{"issuer": "https://login.example.com", "audience": ("us",)} | settings)

    with pytest.raises(ConfigError) as caught:
        check_issuers({"staff": config})

    assert caught.value.path == f"auth.oidc.staff.{path}"
    assert "Secr3t" not in str(caught.value)


def test_two_sections_for_one_issuer_stop_the_start():
    config = OidcConfig(issuer="https://login.example.com", audience=("us",))

    with pytest.raises(ConfigError, match="already"):
        check_issuers({"a": config, "b": config})


def test_a_token_that_is_nested_too_deeply_is_unreadable():
    body = base64.urlsafe_b64encode(b'{"x": ' + b"[" * 9000).decode()

    with pytest.raises(InvalidToken, match="unreadable"):
        issuer_of(Secret(f"{part({'alg': 'RS256'})}.{body}.x"))

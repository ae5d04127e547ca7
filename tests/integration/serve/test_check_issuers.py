"""I4: `brokergraph check` asks every issuer, and says what an example token would get."""

import json
import subprocess

import pytest
from support.issuers import issuing
from support.served import PROGRAM, Operator, wrong_lines

SCOPES = '{ desk = ["client:read", "balance:read"] }'


@pytest.fixture
def issuer():
    with issuing() as running:
        yield running


@pytest.fixture
def believing(acme, issuer) -> Operator:
    return acme.operator.having(
        **{f"BROKERGRAPH_{name}": value for name, value in issuer.settings.items()},
        BROKERGRAPH_AUTH__OIDC__staff__SCOPES=SCOPES,
        BROKERGRAPH_AUTH__OIDC__staff__EVERY_AGENCY="all",
        BROKERGRAPH_AUTH__OIDC__staff__SCOPES_CLAIM="realm_access.roles",
        BROKERGRAPH_AUTH__OIDC__staff__CLIENT_NUMBER_CLAIM="number",
        BROKERGRAPH_AUTH__OIDC__staff__CLIENT_NUMBER_REQUIRED="false",
    )


def checked(operator: Operator, tmp_path, token: str):
    file = tmp_path / "token"
    file.write_text(f"Bearer {token}\n")
    done = operator.run_here("check", "--token", str(file))
    assert token not in done.output
    assert token.split(".")[1] not in done.output
    return done


ROLES = {"scope": ..., "realm_access": {"roles": ["desk", "unknown"]}}


@pytest.mark.parametrize(
    "claims, said",
    [
        ({"agencies": [3, 1]}, "balance:read, client:read; agencies 1, 3"),
        ({"agencies": ...}, "balance:read, client:read; no agency"),
        ({"agencies": "all"}, "balance:read, client:read; every agency"),
        ({"realm_access": {"roles": []}, "agencies": 7}, "no scopes; agencies 7"),
        ({"number": 500608}, "a client's own token; balance:read, client:read"),
    ],
)
def test_i4_check_says_what_a_token_would_get(believing, issuer, tmp_path, claims, said):
    done = checked(believing, tmp_path, issuer.token(**ROLES | claims))

    assert f"ok    --token: is accepted by auth.oidc.staff: {said}\n" in done.output
    assert "ok    auth.oidc.staff: gives its keys: 'one' (EC)\n" in done.output
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    "header, claims, reason",
    [
        ({"kid": ...}, {}, "no kid"),
        ({"kid": "two"}, {}, "unknown kid"),
        ({}, {"realm_access": {}}, "the claim realm_access.roles is missing"),
        ({}, {"aud": "others"}, "InvalidClaimError of aud"),
        ({}, {"nbf": ...}, "MissingClaimError of nbf"),
        ({}, {"exp": 7}, "ExpiredTokenError"),
        ({}, {"number": "anna"}, "client number claim"),
    ],
)
def test_i4_check_says_why_a_token_would_be_refused(believing, issuer, tmp_path, header, claims, reason):
    done = checked(believing, tmp_path, issuer.token(header=header, **ROLES | claims))

    assert f"--token: is refused: {reason}" in "\n".join(wrong_lines(done.output))
    assert done.exit_code == 1


def test_i4_check_reads_a_token_from_the_standard_input(believing, issuer):
    words = [PROGRAM, "check", "--token", "-"]
    done = subprocess.run(
        words, input=issuer.token(**ROLES), env=believing.environment(), capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "--token: is accepted by auth.oidc.staff" in done.stdout


@pytest.mark.parametrize("text", ["", "Bearer", "\u0152", "a.b.c", "key-without-dots", "x" * 100_000])
def test_i4_what_is_no_token_is_said_without_a_traceback(believing, tmp_path, text):
    done = checked_text(believing, tmp_path, text)

    assert done.exit_code == 1
    assert "Traceback" not in done.output
    assert isinstance(done.exception, SystemExit)


def checked_text(operator: Operator, tmp_path, text: str):
    file = tmp_path / "token"
    file.write_text(text, encoding="utf-8")
    return operator.run_here("check", "--token", str(file))


def test_i4_check_needs_the_file_and_the_network_for_a_token(believing, tmp_path):
    assert believing.run_here("check", "--token", str(tmp_path / "missing")).exit_code == 2
    (tmp_path / "token").write_text("a.b.c")
    assert believing.run_here("check", "--offline", "--token", str(tmp_path / "token")).exit_code == 2


def test_i4_check_says_what_is_wrong_with_each_issuer(believing, issuer, tmp_path):
    key = issuer.jwks()["keys"][0]
    issuer.published = [17, {name: value for name, value in key.items() if name != "kid"}]
    other = "BROKERGRAPH_AUTH__OIDC__other__"
    away = believing.having(
        **{f"{other}ISSUER": "http://127.0.0.1:9", f"{other}AUDIENCE": '["x"]', f"{other}SCOPES": "{}"}
    )

    done = away.run_here("check")
    lines = wrong_lines(done.output)

    assert "auth.oidc.other: its keys cannot be fetched: cannot be reached" in lines
    assert (
        "auth.oidc.staff: its keys cannot be fetched: the key set holds no key that could be used"
        " (1 of an unknown kind, 1 with no kid)"
    ) in lines

    issuer.published = [key, key | {"kid": None}]
    done = believing.having(BROKERGRAPH_AUTH__OIDC__staff__ALGORITHMS='["RS256", "ES256"]').run_here("check")

    assert "note  auth.oidc.staff: its key set has keys that cannot be used: 1 with no kid\n" in done.output
    assert "auth.oidc.staff.algorithms: no key is for RS256" in wrong_lines(done.output)


def test_i4_check_names_a_discovery_document_of_another_issuer(believing, issuer):
    issuer.discovery = {"issuer": "https://evil.example.com"}

    lines = wrong_lines(believing.run_here("check").output)

    assert "auth.oidc.staff: its keys cannot be fetched: the discovery document names another issuer" in lines
    assert json.dumps(issuer.asked) == json.dumps(["/.well-known/openid-configuration"])

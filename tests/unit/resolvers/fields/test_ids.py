import base64
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.records import AccountKey, ClientName
from resolvers.fields.ids import ACCOUNT_ID, ACCOUNTS, CLIENT_ID, CLIENTS, INSTRUCTION_ID, decode_id
from resolvers.policy.errors import BadUserInput

garbage = st.text() | st.text("QWxpZW50OjUwMDYwOA-_=", max_size=40)
texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=60)


NODES = [CLIENT_ID, ACCOUNT_ID, INSTRUCTION_ID]


def identity_of(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@given(st.integers(0, 2**31 - 1))
def test_the_id_of_a_client_leads_back_to_its_number(number):
    assert CLIENT_ID.key(CLIENT_ID.of(ClientName(number))) == number


@given(texts.filter(lambda text: text and "/" not in text), texts.filter(bool))
def test_the_id_of_an_account_leads_back_to_its_server_and_login(server, login):
    identity = ACCOUNT_ID.of(AccountKey(server, login))

    if len(identity) <= 512:
        assert decode_id(identity) == ("TradingAccount", f"{server}/{login}")
        assert ACCOUNT_ID.key(identity) == AccountKey(server, login)


@given(garbage, st.sampled_from(NODES))
def test_a_garbage_id_is_bad_input_and_nothing_worse(identity, node):
    try:
        type_name, key = decode_id(identity)
        node.parse(key)
    except BadUserInput:
        return
    assert identity_of(f"{type_name}:{key}") == identity


@given(st.text(), st.sampled_from(NODES))
def test_a_garbage_key_is_bad_input_and_nothing_worse(key, node):
    try:
        found = node.parse(key)
    except BadUserInput:
        return
    assert key == (f"{found.server}/{found.login}" if node is ACCOUNT_ID else str(found))


@pytest.mark.parametrize("node, other", [(CLIENT_ID, ACCOUNT_ID), (ACCOUNT_ID, INSTRUCTION_ID)])
def test_the_id_of_another_type_is_refused_by_name(node, other):
    with pytest.raises(BadUserInput, match=f"is the id of a {other.type_name}, not of a {node.type_name}"):
        node.key(identity_of(f"{other.type_name}:1"))


@pytest.mark.parametrize("key", ["0500608", "+1", "-1", " 1", "1 ", "1_0", "\u0663", "2147483648", "9" * 5000, ""])
def test_a_client_number_has_one_spelling(key):
    with pytest.raises(BadUserInput):
        CLIENT_ID.parse(key)


@pytest.mark.parametrize(
    "spelling", [str.upper, "{{{}}}".format, "urn:uuid:{}".format, lambda text: text.replace("-", "")]
)
def test_an_instruction_has_one_spelling(spelling):
    identity = "01a1fd17-b161-70a0-8ca1-3f4a04c10470"

    assert INSTRUCTION_ID.parse(identity) == UUID(identity)
    with pytest.raises(BadUserInput):
        INSTRUCTION_ID.parse(spelling(identity))


@given(texts, texts)
def test_a_cursor_leads_back_to_its_key(server, login):
    cursor = ACCOUNTS.encode(server, login)

    if len(cursor) <= 512:
        assert ACCOUNTS.decode(cursor) == (server, login)
    with pytest.raises(BadUserInput):
        CLIENTS.decode(cursor)


@given(garbage)
def test_a_garbage_cursor_is_bad_input_and_nothing_worse(cursor):
    with pytest.raises(BadUserInput):
        CLIENTS.decode(cursor)


@pytest.mark.parametrize("key", [2**63, -(2**63), 2**64, 2**200])
def test_a_cursor_holds_no_number_that_no_database_could(key):
    text = b'["clients",%d]' % key

    with pytest.raises(BadUserInput):
        CLIENTS.decode(base64.urlsafe_b64encode(text).decode().rstrip("="))
    assert CLIENTS.decode(CLIENTS.encode(2**63 - 1)) == (2**63 - 1,)

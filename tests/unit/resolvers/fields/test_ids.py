import base64
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.fields.ids import (
    account_key,
    client_number,
    decode_cursor,
    decode_id,
    encode_cursor,
    encode_id,
    instruction_id,
    key_of,
)
from resolvers.policy.errors import BadUserInput

garbage = st.text() | st.text("QWxpZW50OjUwMDYwOA-_=", max_size=40)
texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=60)


@given(st.sampled_from(["Client", "TradingAccount", "Instruction"]), texts)
def test_an_id_leads_back_to_its_type_and_key(type_name, key):
    identity = encode_id(type_name, key)

    assert decode_id(identity) == (type_name, key)
    assert key_of(identity, type_name) == key


@given(garbage, st.sampled_from([client_number, account_key, instruction_id]))
def test_a_garbage_id_is_bad_input_and_nothing_worse(identity, parse):
    try:
        type_name, key = decode_id(identity)
        parse(key)
    except BadUserInput:
        return
    assert encode_id(type_name, key) == identity


@given(st.text(), st.sampled_from([client_number, account_key, instruction_id]))
def test_a_garbage_key_is_bad_input_and_nothing_worse(key, parse):
    try:
        found = parse(key)
    except BadUserInput:
        return
    assert key == (f"{found.server}/{found.login}" if parse is account_key else str(found))


@pytest.mark.parametrize("key", ["0500608", "+1", "-1", " 1", "1 ", "1_0", "\u0663", "2147483648", "9" * 5000, ""])
def test_a_client_number_has_one_spelling(key):
    with pytest.raises(BadUserInput):
        client_number(key)


@pytest.mark.parametrize(
    "spelling", [str.upper, "{{{}}}".format, "urn:uuid:{}".format, lambda text: text.replace("-", "")]
)
def test_an_instruction_has_one_spelling(spelling):
    identity = "01a1fd17-b161-70a0-8ca1-3f4a04c10470"

    assert instruction_id(identity) == UUID(identity)
    with pytest.raises(BadUserInput):
        instruction_id(spelling(identity))


@given(texts, texts)
def test_a_cursor_leads_back_to_its_key(server, login):
    cursor = encode_cursor("accounts", server, login)

    if len(cursor) <= 512:
        assert decode_cursor(cursor, "accounts", (str, str)) == (server, login)
    with pytest.raises(BadUserInput):
        decode_cursor(cursor, "clients", (int,))


@given(garbage)
def test_a_garbage_cursor_is_bad_input_and_nothing_worse(cursor):
    with pytest.raises(BadUserInput):
        decode_cursor(cursor, "clients", (int,))


@pytest.mark.parametrize("key", [2**63, -(2**63), 2**64, 2**200])
def test_a_cursor_holds_no_number_that_no_database_could(key):
    text = b'["clients",%d]' % key

    with pytest.raises(BadUserInput):
        decode_cursor(base64.urlsafe_b64encode(text).decode().rstrip("="), "clients", (int,))
    assert decode_cursor(encode_cursor("clients", 2**63 - 1), "clients", (int,)) == (2**63 - 1,)

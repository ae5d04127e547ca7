"""The verdict of each return code, for reads and for writes, and the peculiar forms of answers."""

import pytest

from core.errors import OutcomeUnknown, Reason, Rejected, System, Unavailable
from upstreams.http.failures import Failures
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.mt5_web.retcodes import escape, open_envelope, open_list, open_whole, read_code, read_group

FAILURES = Failures(System("MT5_WEB"), "main")
UNKNOWN = (2, 5, 6, 7, 9, 10, 11, 15, 10001, 10002, 10003, 10011, 10012, 10031, 77, 10999)
REFUSED = {
    3: Reason.VALIDATION_FAILED,
    4: Reason.VALIDATION_FAILED,
    8: Reason.UPSTREAM_REFUSED,
    13: Reason.NOT_FOUND,
    16: Reason.UPSTREAM_REFUSED,
    17: Reason.UPSTREAM_REFUSED,
    3002: Reason.ACCOUNT_LIMIT_REACHED,
    3004: Reason.VALIDATION_FAILED,
    3006: Reason.VALIDATION_FAILED,
    4005: Reason.LIMIT_EXCEEDED,
    10013: Reason.VALIDATION_FAILED,
    10017: Reason.ACCOUNT_DISABLED,
    10019: Reason.INSUFFICIENT_FUNDS,
    10024: Reason.UPSTREAM_REFUSED,
    12000: Reason.UPSTREAM_REFUSED,
}
NOT_EXECUTED = (12, 1001, 1002, 1018, 1034, 12003, 12004)


def said(retcode: object, rest: str = "") -> HttpAnswer:
    written = f'"{retcode}"' if isinstance(retcode, str) else retcode
    return HttpAnswer(200, {}, f'{{"retcode":{written}{rest}}}'.encode())


@pytest.mark.parametrize("retcode", ["0 Done", "0 Ok", "0", 0, "1 OK/None", "10009 Request executed", "00 Done"])
@pytest.mark.parametrize("writes", [True, False])
def test_a_success_is_a_number_and_not_its_words(retcode, writes):
    answer = open_envelope(said(retcode, ',"answer":{"Ticket":"7"}'), FAILURES, writes=writes)

    assert bytes(answer.answer) == b'{"Ticket":"7"}'


@pytest.mark.parametrize("retcode,code", [("0 Done", 0), ("3006 Invalid", 3006), ("30 x", 30), (13, 13), ("-1 x", -1)])
def test_the_code_is_the_number_before_the_first_blank(retcode, code):
    assert read_code(retcode) == code


@pytest.mark.parametrize("code", UNKNOWN)
def test_a_code_that_proves_nothing_leaves_a_write_in_doubt(code):
    with pytest.raises(OutcomeUnknown) as unknown:
        open_envelope(said(f"{code} x"), FAILURES, writes=True)
    with pytest.raises(Unavailable):
        open_envelope(said(f"{code} x"), FAILURES, writes=False)

    assert unknown.value.upstream_code == str(code)


@pytest.mark.parametrize("code,reason", REFUSED.items())
def test_a_documented_refusal_is_final(code, reason):
    with pytest.raises(Rejected) as refused:
        open_envelope(said(f"{code} x"), FAILURES, writes=True)

    assert (refused.value.reason, refused.value.upstream_code) == (reason, str(code))


@pytest.mark.parametrize("code", NOT_EXECUTED)
def test_a_write_that_was_not_executed_may_be_sent_as_another_command(code):
    with pytest.raises(Unavailable) as failed:
        open_envelope(said(f"{code} x"), FAILURES, writes=True)

    assert failed.value.upstream_code == str(code)


def test_too_frequent_requests_have_a_pause():
    with pytest.raises(Unavailable) as failed:
        open_envelope(said("12 Too frequent requests"), FAILURES, writes=False)

    assert (failed.value.reason, failed.value.retry_after_seconds) == (Reason.RATE_LIMITED, 5.0)


def test_a_partial_answer_is_data_to_a_read_and_no_proof_to_a_write():
    partial = said("14 Partial error", ',"answer":[{"Login":"1"}]')

    rows, of_others = open_list(partial, FAILURES)

    assert bytes(rows) == b'[{"Login":"1"}]'
    assert (type(of_others), of_others.upstream_code) == (Unavailable, "14")
    with pytest.raises(Unavailable):
        open_whole(partial, FAILURES)
    with pytest.raises(OutcomeUnknown):
        open_envelope(partial, FAILURES, writes=True)


@pytest.mark.parametrize("answer", [said("13 Not found"), said("1 OK/None"), said("13 Not found", ',"answer":{}')])
def test_a_list_of_unknown_logins_is_empty(answer):
    rows, of_others = open_list(answer, FAILURES)

    assert (bytes(rows), of_others) == (b"[]", None)


def test_an_empty_answer_to_a_read_of_one_thing_is_not_a_list():
    with pytest.raises(Rejected):
        open_envelope(said("13 Not found"), FAILURES, writes=False)


@pytest.mark.parametrize("retcode", ["Done", "", " 0", "0x", "1.0 x"])
def test_a_code_without_a_number_cannot_be_read(retcode):
    with pytest.raises(ValueError, match="invalid literal"):
        open_envelope(said(retcode), FAILURES, writes=True)


@pytest.mark.parametrize(
    "written,group",
    [(r"real\standard", r"real\standard"), (r"demo\\forex", r"demo\forex"), (r"demo\users", r"demo\users")],
)
def test_raw_backslashes_of_old_servers_are_read(written, group):
    answer, _ = open_list(said("0 Done", f',"answer":[{{"Group":"{written}"}}]'), FAILURES)

    assert bytes(answer).decode().count("\\\\") == 1
    assert group.encode().replace(b"\\", b"\\\\") in bytes(answer)


def test_raw_backslashes_in_the_answer_to_a_write_are_not_mended():
    with pytest.raises(ValueError, match="malformed"):
        open_envelope(said("0 Done", r',"answer":{"Ticket":"7\s"}'), FAILURES, writes=True)


@pytest.mark.parametrize(
    "read,group", [("demo\x0corex", r"demo\forex"), ("real\now", r"real\now"), ("a", "a"), ("", None), (None, None)]
)
def test_an_escape_that_is_a_raw_backslash_is_one_again(read, group):
    assert read_group(read) == group


@pytest.mark.parametrize("value,escaped", [("demo\\forex", r"demo\\forex"), ("a=b|c\nd", "a\\=b\\|c\\\nd"), ("x", "x")])
def test_special_characters_of_a_query_have_a_backslash(value, escaped):
    assert escape(value) == escaped

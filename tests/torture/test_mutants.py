"""Ways to break the promise on purpose. Each must turn the suite red; one that does not shows a sleeping test."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

ROOT = Path(__file__).parent.parent.parent
COPIED = ("api", "resolvers", "instructions", "upstreams", "core", "sandbox", "tests", "pyproject.toml")
WITHDRAWALS = "../integration/graph/test_withdraw.py"
MUTANTS = {
    "SENT is not written": (
        "instructions/dispatcher.py",
        "sent = await self._outcomes.mark_sent(received, MARK_SECONDS)",
        'sent = replace(received, status="SENT")',
        "test_faults.py::test_each_fault_alone[apply then drop]",
    ),
    "a lost answer is sent again": (
        "instructions/dispatcher.py",
        "                receipt = await prepared.send()",
        """                try:
                    receipt = await prepared.send()
                except OutcomeUnknown:
                    receipt = await prepared.send()""",
        "test_faults.py::test_each_fault_alone[apply then drop]",
    ),
    "absence is believed too early": (
        "instructions/reconciliation.py",
        """        if wait > 0:
            return Undecided("not in the server's history yet", not_before_seconds=wait)
        if await""",
        "        if await",
        "test_faults.py::test_a_late_application_is_never_called_absent",
    ),
    "a key is not unique": (
        "upstreams/migrations/0001_instructions.sql",
        "    UNIQUE (principal, idempotency_key),\n",
        "",
        "test_faults.py::test_a_hundred_parallel_requests_with_one_key_apply_once",
    ),
    "a refused write after the send is UpstreamFailed": (
        "instructions/dispatcher.py",
        "stored = await self._outcomes.store(sent, move)",
        """try:
            stored = await self._ledger.advance(sent, move)
        except UpstreamError as error:
            return await self._refuse(sent, error)""",
        (
            "../integration/graph/test_truthful_outcomes.py::"
            "test_m1_a_booked_deposit_is_confirmed_although_the_first_write_of_it_fails[25006]"
        ),
    ),
    "history is matched by amount": (
        "upstreams/vendors/kit/history_search.py",
        """        if reference.casefold() not in row.reference.casefold():
            continue
        if row.reference.strip() != reference or not row.is_ours:
            raise wire.Nonsense("our reference on an operation that is not ours")
        found[row.id] = row""",
        """        if row.is_ours:
            found = {row.id: row}""",
        "test_faults.py::test_an_equal_deposit_before_it_is_not_mistaken_for_a_lost_one[R3]",
    ),
    "the free margin is not checked": (
        "upstreams/vendors/kit/command_checks.py",
        "    if command.amount > most:",
        "    if command.amount > balance:",
        f"{WITHDRAWALS}::test_no_more_is_withdrawn_than_balance_and_free_margin_without_credit",
    ),
    "a principal approves its own command": (
        "resolvers/mutations/decide.py",
        "    if waiting.principal == context.caller.principal:",
        "    if waiting.principal == '':",
        f"{WITHDRAWALS}::test_a_large_withdrawal_is_sent_only_after_another_principal_approved_it",
    ),
    "the margin is not read after the approval": (
        "upstreams/vendors/cplugin/commands/withdrawals.py",
        "        await self.require_funds(command, call)\n",
        "",
        f"{WITHDRAWALS}::test_the_margin_is_read_again_after_the_approval",
    ),
}
# Without the constraint there is nothing for this to name.
ON_CONFLICT = ("upstreams/state/instructions.sql", "    ON CONFLICT (principal, idempotency_key) DO NOTHING\n", "")


def mutate(tree, file, text, other):
    path = tree / file
    before = path.read_text()
    assert text in before, f"{file} has changed: mend this mutant"
    for bytecode in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
        bytecode.unlink()
    path.write_text(before.replace(text, other))


@pytest.mark.parametrize("name", MUTANTS)
async def test_what_breaks_the_promise_turns_the_suite_red(tmp_path, name):
    file, text, other, test = MUTANTS[name]
    for one in COPIED:
        source = ROOT / one
        if source.is_file():
            shutil.copy(source, tmp_path / one)
        else:
            # The copies keep their times, so that the bytecode of all that is not changed fits them.
            shutil.copytree(source, tmp_path / one, ignore=shutil.ignore_patterns("node_modules", "static"))
    mutate(tmp_path, file, text, other)
    if "UNIQUE" in text:
        mutate(tmp_path, *ON_CONFLICT)
    (tmp_path / "api/pages/static").mkdir(exist_ok=True)

    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "--tb=native",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:hypothesispytest",
            f"tests/torture/{test}",
        ),
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()

    told = output.decode()
    assert process.returncode == 1, told[-3000:]
    # The fixture's own deposits may be the first to notice.
    assert "1 failed" in told or "1 error" in told, told[-3000:]
    assert "AssertionError" in told, told[-3000:]

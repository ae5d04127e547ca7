from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

import click

from api.cli.common import config_option, run_async, settings_from
from api.cli.listing import json_option, print_json, print_list

if TYPE_CHECKING:
    from core.call import Call
    from core.records import InstructionEventRecord, InstructionRecord
    from upstreams.state.instructions import Ledger, Transition

T = TypeVar("T")
_OPEN = ("NEEDS_APPROVAL", "RECEIVED", "SENT", "UNKNOWN", "NEEDS_REVIEW")
_SECONDS = 10.0


def _identity(_context: click.Context, _argument: click.Parameter, value: str) -> UUID:
    """The UUID, which the log and `list` show, or the id of the graph, which a caller quotes."""
    from resolvers.fields.ids import INSTRUCTION_ID
    from resolvers.policy.errors import BadUserInput

    try:
        return UUID(value)
    except ValueError:
        pass
    try:
        return INSTRUCTION_ID.key(value)
    except BadUserInput:
        raise click.BadParameter(f"{value!r} is neither a UUID nor an id of the graph's Instruction.") from None


@click.group()
def command() -> None:
    """List, show, resolve and verify instructions."""


async def _with_ledger(config: Path | None, use: Callable[[Ledger, Call], Awaitable[T]]) -> T:
    from api.services import open_state
    from core.call import background_call

    async with open_state(settings_from(config)) as stores:
        return await use(stores.ledger, background_call(_SECONDS, "cli"))


@command.command(name="list")
@config_option
@click.option("--needs-review", is_flag=True, help="Only instructions that people must decide.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@json_option
@run_async
async def list_instructions(config: Path | None, *, needs_review: bool, limit: int, as_json: bool) -> None:
    """List the instructions without an outcome, oldest first."""
    statuses = ("NEEDS_REVIEW",) if needs_review else _OPEN
    found = await _with_ledger(config, lambda ledger, _call: ledger.open(statuses, limit))
    empty = "No instruction needs a review." if needs_review else "Every instruction has an outcome."
    print_list(found, line, _record, as_json=as_json, empty=empty)


@command.command()
@config_option
@json_option
@click.argument("identity", callback=_identity)
@run_async
async def show(config: Path | None, identity: UUID, *, as_json: bool) -> None:
    """Show one instruction with all its events."""

    async def read(ledger: Ledger, call: Call) -> tuple[InstructionRecord, Sequence[InstructionEventRecord]]:
        found = await _find(ledger, identity, call)
        if found is None:
            raise click.ClickException(f"There is no instruction {identity}.")
        return found, (await ledger.events([identity], call))[identity]

    found, events = await _with_ledger(config, read)
    if as_json:
        told = [{"at": one.at, "status": one.status, "actor": one.actor, "note": one.note} for one in events]
        print_json({**_record(found), "events": told})
        return
    rows = (f"  {one.at.isoformat()}  {one.status}  {one.actor}  {one.note or ''}".rstrip() for one in events)
    click.echo("\n".join([line(found), *rows]))


async def _find(ledger: Ledger, identity: UUID, call: Call) -> InstructionRecord | None:
    from core.visibility import EVERYTHING

    return (await ledger.by_ids([identity], EVERYTHING, call)).get(identity)


@command.command()
@config_option
@click.argument("identity", callback=_identity)
@click.option("--as", "status", type=click.Choice(["CONFIRMED", "REJECTED"]), required=True, help="The outcome.")
@click.option("--decided-by", required=True, help="The person who decided.")
@click.option("--confirmed-by", required=True, help="Another person who has checked the decision.")
@click.option("--reference", default=None, help="The upstream's own number for it, such as a ticket.")
@click.option("--reason", required=True, help="The reason of the decision, which is stored with the instruction.")
@run_async
async def resolve(  # noqa: PLR0913 - one for each option.
    *,
    config: Path | None,
    identity: UUID,
    status: str,
    decided_by: str,
    confirmed_by: str,
    reference: str | None,
    reason: str,
) -> None:
    """Store the decision of two people about an instruction that needs review."""
    if decided_by.strip().casefold() == confirmed_by.strip().casefold():
        raise click.UsageError("The person who confirms must not be the person who decided.")
    actor = f"{decided_by.strip()}, confirmed by {confirmed_by.strip()}"

    async def decide(ledger: Ledger, call: Call) -> InstructionRecord:
        found = await _find(ledger, identity, call)
        if found is None or found.status != "NEEDS_REVIEW":
            stands = "does not exist" if found is None else f"has the status {found.status}"
            raise click.ClickException(f"Only an instruction that needs review can be resolved; {identity} {stands}.")
        return await ledger.advance(found, decision(status, actor, reason, reference))

    click.echo(line(await _with_ledger(config, decide)))


def decision(status: str, actor: str, reason: str, reference: str | None) -> Transition:
    """The state transition that two people decided."""
    from core.errors import Reason
    from core.records import Failure
    from upstreams.state.instructions import Transition

    if status == "CONFIRMED":
        return Transition(status, actor, note=reason, upstream_reference=reference)
    failure = Failure(
        code=Reason.UPSTREAM_REFUSED, message="A review found that the command was not applied.", retry="NEW_KEY"
    )
    return Transition(status, actor, note=reason, failure=failure)


@command.command(name="verify")
@config_option
@click.option(
    "--checkpoint", default=None, help="The hash of a checkpoint in the log, which must still be in the chain."
)
@run_async
async def verify_chain(config: Path | None, checkpoint: str | None) -> None:
    """Check that no event was altered, removed, inserted or moved after it was written."""
    from api.services import open_state
    from upstreams.state.proof import verify

    async with open_state(settings_from(config)) as stores:
        proof = await verify(stores.database, checkpoint and checkpoint.lower())
    click.echo(f"{proof.instructions} instructions, {proof.events} events, {proof.checkpoints} checkpoints")
    if proof.problem is not None:
        raise click.ClickException(proof.problem)
    click.echo(f"{proof.uncovered} events are not covered by a checkpoint yet.")
    click.echo(f"The proof chain is complete. Last checkpoint: {proof.last_checkpoint or 'none yet'}")


def line(instruction: InstructionRecord) -> str:
    """One instruction as a line of text."""
    from core.money import format_amount

    money = f"{format_amount(instruction.amount)} {instruction.currency}" if instruction.amount is not None else ""
    account = (
        f"{instruction.server}/{instruction.login}" if instruction.login else f"client {instruction.client_number}"
    )
    parts = (instruction.id, instruction.status, instruction.kind, account, money, instruction.upstream_reference or "")
    return "  ".join(str(part) for part in parts if part != "")


def _record(one: InstructionRecord) -> dict[str, object]:
    """One instruction for a program, with the names of the graph. Amounts are strings."""
    from core.money import format_amount

    return {
        "id": one.id,
        "kind": one.kind,
        "status": one.status,
        "principal": one.principal,
        "clientNumber": one.client_number,
        "server": one.server,
        "login": one.login,
        "amount": None if one.amount is None else format_amount(one.amount),
        "currency": one.currency,
        "upstreamReference": one.upstream_reference,
        "createdAt": one.created_at,
        "sentAt": one.sent_at,
    }

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import click

from api.cli.common import config_option, run_async, settings_from
from api.services import open_state
from core.call import Call, background_call
from core.errors import Reason
from core.money import format_amount
from core.records import Failure, InstructionRecord
from core.visibility import EVERYTHING
from resolvers.fields.ids import INSTRUCTION_ID
from resolvers.policy.errors import BadUserInput
from upstreams.state.instructions import Ledger, Transition
from upstreams.state.proof import verify

T = TypeVar("T")
_OPEN = ("NEEDS_APPROVAL", "RECEIVED", "SENT", "UNKNOWN", "NEEDS_REVIEW")
_SECONDS = 10.0


def _identity(_context: click.Context, _argument: click.Parameter, value: str) -> UUID:
    """The UUID, which the log and `list` show, or the id of the graph, which a caller quotes."""
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
    async with open_state(settings_from(config)) as stores:
        return await use(stores.ledger, background_call(_SECONDS, "cli"))


@command.command(name="list")
@config_option
@click.option("--needs-review", is_flag=True, help="Only instructions that people must decide.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@run_async
async def list_instructions(config: Path | None, *, needs_review: bool, limit: int) -> None:
    """List the instructions without an outcome, oldest first."""
    statuses = ("NEEDS_REVIEW",) if needs_review else _OPEN
    for instruction in await _with_ledger(config, lambda ledger, _call: ledger.open(statuses, limit)):
        click.echo(line(instruction))


@command.command()
@config_option
@click.argument("identity", callback=_identity)
@run_async
async def show(config: Path | None, identity: UUID) -> None:
    """Show one instruction with all its events."""

    async def read(ledger: Ledger, call: Call) -> list[str]:
        found = (await ledger.by_ids([identity], EVERYTHING, call)).get(identity)
        if found is None:
            raise click.ClickException(f"There is no instruction {identity}.")
        events = (await ledger.events([identity], call))[identity]
        return [line(found), *(f"  {e.at.isoformat()}  {e.status}  {e.actor}  {e.note or ''}".rstrip() for e in events)]

    click.echo("\n".join(await _with_ledger(config, read)))


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
        found = (await ledger.by_ids([identity], EVERYTHING, call)).get(identity)
        if found is None or found.status != "NEEDS_REVIEW":
            stands = "does not exist" if found is None else f"has the status {found.status}"
            raise click.ClickException(f"Only an instruction that needs review can be resolved; {identity} {stands}.")
        return await ledger.advance(found, decision(status, actor, reason, reference))

    click.echo(line(await _with_ledger(config, decide)))


def decision(status: str, actor: str, reason: str, reference: str | None) -> Transition:
    """The state transition that two people decided."""
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
    async with open_state(settings_from(config)) as stores:
        proof = await verify(stores.database, checkpoint and checkpoint.lower())
    click.echo(f"{proof.instructions} instructions, {proof.events} events, {proof.checkpoints} checkpoints")
    if proof.problem is not None:
        raise click.ClickException(proof.problem)
    click.echo(f"{proof.uncovered} events are not covered by a checkpoint yet.")
    click.echo(f"The proof chain is complete. Last checkpoint: {proof.last_checkpoint or 'none yet'}")


def line(instruction: InstructionRecord) -> str:
    """One instruction as a line of text."""
    money = f"{format_amount(instruction.amount)} {instruction.currency}" if instruction.amount is not None else ""
    account = (
        f"{instruction.server}/{instruction.login}" if instruction.login else f"client {instruction.client_number}"
    )
    parts = (instruction.id, instruction.status, instruction.kind, account, money, instruction.upstream_reference or "")
    return "  ".join(str(part) for part in parts if part != "")

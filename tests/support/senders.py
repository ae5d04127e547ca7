"""Senders of webhooks: the parts that a server puts together, with a clock and a resolver of the test's own."""

import asyncio
import secrets
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from api.webhook_secrets import SecretBox
from api.webhooks import message_writer
from core.clock import Clock
from core.secret import Secret
from instructions.webhook_message import make_secret
from instructions.webhook_sender import WebhookSender
from support.receivers import to_loopback
from upstreams.http.webhook_client import WebhookClient
from upstreams.state.instruction_log import InstructionLog
from upstreams.state.webhooks import WebhookRecord, WebhookStore

# 32 bytes in base64.
KEY = Secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")


class HandClock(Clock):
    """The real time and what the test adds."""

    added = timedelta()

    def now(self):
        return datetime.now(UTC) + self.added


async def add_hook(database, url, *, kinds=None, agencies=None, principal="partner"):
    """(the webhook's id, its secret as a text)."""
    identity, secret = f"hook-{secrets.token_hex(4)}", make_secret()
    record = WebhookRecord(identity, principal, Secret(url), kinds, agencies, datetime.now(UTC))
    await WebhookStore(database).add(record, SecretBox(KEY).encrypt(identity, secret))
    return identity, secret.reveal()


def sender_of(database, clock=None, *, seconds=5.0, resolve=to_loopback, allow_private=True, context=None):
    client = WebhookClient(allow_private=allow_private, total_seconds=seconds, resolve=resolve, context=context)
    writer = message_writer(KEY)
    return WebhookSender(WebhookStore(database), client.post, writer, clock or HandClock(), poll_seconds=0.01)


@asynccontextmanager
async def sending(database, clock=None, **options):
    """A sender that works until the body ends."""
    sender = sender_of(database, clock, **options)
    task = asyncio.create_task(sender.run())
    try:
        yield sender
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def number_all(database):
    """Give all committed events their numbers, as the sequencer does."""
    while await InstructionLog(database).number():
        pass


async def listed(database, identity):
    return next(one for one in await WebhookStore(database).list_all() if one.id == identity)

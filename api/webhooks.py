"""The sender of webhooks in this process: it starts and ends with the server."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from api.background import running
from api.settings.settings import Settings
from api.settings.webhooks import WebhooksSection
from core.clock import Clock
from core.secret import Secret
from instructions.webhook_message import MessageWriter
from instructions.webhook_sender import WebhookSender
from resolvers.fields.ids import INSTRUCTION_EVENTS, INSTRUCTION_ID
from upstreams.http.webhook_client import WebhookClient
from upstreams.services import UpstreamServices
from upstreams.state.doorbell.doorbell import Bell


@asynccontextmanager
async def sending_webhooks(
    settings: Settings, upstreams: UpstreamServices, clock: Clock
) -> AsyncIterator[Counter[str]]:
    """Send while the body runs; gives the counts of outcomes."""
    section = settings.webhooks
    if section.key is None:
        yield Counter()
        return
    client = open_client(section)
    poll_seconds = settings.streams.poll_interval_seconds
    sender = WebhookSender(
        upstreams.state.webhooks, client.post, message_writer(section.key), clock, poll_seconds=poll_seconds
    )
    upstreams.doorbell.on(Bell.NUMBERED, sender.wake)
    try:
        async with running(sender.run()):
            yield sender.outcomes
    finally:
        client.close()


def open_client(section: WebhooksSection) -> WebhookClient:
    return WebhookClient(allow_private=section.allow_private, total_seconds=section.timeout_seconds)


def message_writer(key: Secret) -> MessageWriter:
    """The writer of messages with the graph's ids."""
    # The library for encryption costs time to start.
    from api.webhook_secrets import SecretBox

    return MessageWriter(_node_id, _cursor, SecretBox(key).decrypt)


def _node_id(instruction: UUID) -> str:
    return INSTRUCTION_ID.encode(instruction)


def _cursor(epoch: UUID, seq: int) -> str:
    return INSTRUCTION_EVENTS.encode(str(epoch), seq)

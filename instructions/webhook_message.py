"""The messages of webhooks, signed as Standard Webhooks says (https://www.standardwebhooks.com).

A message has ids and a status. The receiver reads the rest through the graph, with its own rights.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from core.secret import Secret
from upstreams.state.webhooks import Delivery, WebhookTarget

_PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32


class SecretUnreadable(Exception):
    """The settings have another key than the one that encrypted the secret."""


@dataclass(frozen=True, slots=True)
class Message:
    """One POST to a receiver."""

    url: Secret
    headers: dict[str, str] = field(repr=False)
    body: bytes


@dataclass(frozen=True, slots=True)
class MessageWriter:
    """Writes messages. `node_id` and `cursor` make the graph's own ids; `decrypt` raises SecretUnreadable."""

    node_id: Callable[[UUID], str]
    cursor: Callable[[UUID, int], str]
    decrypt: Callable[[str, bytes], Secret]

    def event(self, delivery: Delivery, now: datetime) -> Message:
        """The message of one event. Raises SecretUnreadable."""
        data = {
            "cursor": self.cursor(delivery.epoch, delivery.seq),
            "instructionId": self.node_id(delivery.instruction_id),
            "kind": delivery.kind,
            "status": delivery.status,
        }
        body = _body("instruction.event", delivery.at, data)
        return self._signed(delivery.target, delivery.message_id, body, now)

    def test(self, target: WebhookTarget, now: datetime) -> Message:
        """A message that only shows that the receiver works. Raises SecretUnreadable."""
        return self._signed(target, f"msg_test_{secrets.token_hex(8)}", _body("webhook.test", now, {}), now)

    def _signed(self, target: WebhookTarget, message_id: str, body: bytes, now: datetime) -> Message:
        valid = [self.decrypt(target.webhook_id, one) for one in target.secrets]
        return Message(target.url, signed_headers(message_id, now, body, valid), body)


def make_secret() -> Secret:
    return Secret(_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode())


def signed_headers(message_id: str, now: datetime, body: bytes, valid: Sequence[Secret]) -> dict[str, str]:
    """The headers of an attempt at this time, with one signature for each valid secret."""
    seconds = int(now.timestamp())
    signed = b"%b.%d.%b" % (message_id.encode(), seconds, body)
    signatures = (hmac.digest(_key(one), signed, hashlib.sha256) for one in valid)
    shown = " ".join(f"v1,{base64.b64encode(one).decode()}" for one in signatures)
    return {"webhook-id": message_id, "webhook-timestamp": str(seconds), "webhook-signature": shown}


def _key(secret: Secret) -> bytes:
    try:
        return base64.b64decode(secret.reveal().removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise SecretUnreadable from None


def _body(kind: str, at: datetime, data: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"type": kind, "timestamp": at, "data": data})

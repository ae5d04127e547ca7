import base64
import binascii
from typing import Final

import msgspec

from api.settings.bounds import Seconds
from core.errors import ConfigError
from core.secret import Secret

_KEY_BYTES: Final = 32


class WebhooksSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[webhooks]: without a key this process sends none. `key` encrypts the webhooks' secrets in the database."""

    key: Secret | None = None
    allow_private: bool = False
    timeout_seconds: Seconds = 10.0


def check_webhooks_key(key: Secret | None) -> None:
    """Raise ConfigError for a key that is not 32 bytes in base64. The message does not show the key."""
    if key is None:
        return
    try:
        decoded = base64.b64decode(key.reveal(), validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if len(decoded) != _KEY_BYTES:
        raise ConfigError("webhooks.key", "must be 32 bytes in base64; `openssl rand -base64 32` makes one")

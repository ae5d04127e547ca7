"""The secrets of webhooks, encrypted under [webhooks] key."""

import base64
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.secret import Secret
from instructions.webhook_message import SecretUnreadable

_NONCE_BYTES: Final = 12


class SecretBox:
    """Encrypts by AES-256-GCM. A ciphertext is bound to its webhook, so that it decrypts for no other one."""

    def __init__(self, key: Secret) -> None:
        self._cipher = AESGCM(base64.b64decode(key.reveal()))

    def encrypt(self, webhook_id: str, secret: Secret) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret.reveal().encode(), webhook_id.encode())

    def decrypt(self, webhook_id: str, encrypted: bytes) -> Secret:
        """Raises SecretUnreadable if another key has encrypted it."""
        nonce, rest = encrypted[:_NONCE_BYTES], encrypted[_NONCE_BYTES:]
        try:
            return Secret(self._cipher.decrypt(nonce, rest, webhook_id.encode()).decode())
        except InvalidTag:
            raise SecretUnreadable from None

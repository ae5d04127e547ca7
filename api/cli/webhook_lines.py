"""Webhooks in the list of `brokergraph webhooks list`. Only the host of a URL is shown: the rest may be a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from upstreams.state.webhooks import WebhookRecord


def webhook_line(one: WebhookRecord) -> str:
    """The webhook for a person."""
    agencies = "every agency" if one.agencies is None else f"agencies {list(one.agencies)}"
    kinds = "every kind" if one.kinds is None else ",".join(one.kinds)
    return f"{one.id}  {one.principal}  {_place(one)}  {_state(one)}  {agencies}  {kinds}"


def _place(one: WebhookRecord) -> str:
    parts = urlsplit(one.url.reveal())
    return f"{parts.scheme}://{parts.netloc}"


def webhook_json(one: WebhookRecord) -> dict[str, object]:
    """The webhook for a program."""
    return {
        "id": one.id,
        "principal": one.principal,
        "host": _place(one),
        "kinds": one.kinds,
        "agencies": one.agencies,
        "createdAt": one.created_at,
        "disabledAt": one.disabled_at,
        "deliveredAt": one.delivered_at,
        "pending": one.pending,
        "parked": one.parked,
        "lastStatus": one.last_status,
    }


def _state(one: WebhookRecord) -> str:
    state = "active" if one.disabled_at is None else f"disabled {one.disabled_at:%Y-%m-%d %H:%M}"
    delivered = "never delivered" if one.delivered_at is None else f"last delivered {one.delivered_at:%Y-%m-%d %H:%M}"
    failed = f"  last failure: {one.last_status}" if one.last_status else ""
    return f"{state}  {delivered}  pending {one.pending}  parked {one.parked}{failed}"

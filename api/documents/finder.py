"""Finds the document of a request: its text, a trusted document by id, or an automatic persisted query by hash."""

from collections.abc import Mapping
from hashlib import sha256
from http import HTTPStatus

import msgspec
import structlog

from api.documents.cache import AutomaticDocuments, TrustedDocuments
from api.documents.ids import canonical_id
from api.http.refusal import RequestRefused
from api.settings.http import DocumentsSection
from core.errors import UpstreamError
from resolvers.request.graphql_request import GraphQLRequest

log = structlog.get_logger(__name__)


class FoundDocument(msgspec.Struct, frozen=True):
    """The text of the document, and its source for the metrics.

    `persisted`: the request had only an id or a hash. `register`: the document is stored after it has run.
    """

    text: str
    origin: str
    persisted: bool = False
    register: bool = False


class DocumentFinder:
    """Finds documents. The process has one finder."""

    def __init__(
        self, settings: DocumentsSection, trusted: TrustedDocuments, built_in: Mapping[str, str] | None = None
    ) -> None:
        """`built_in` has the texts of this server's own pages by id. They are trusted for all partners."""
        self._settings = settings
        self._trusted = trusted
        self._built_in = built_in or {}
        self._automatic = AutomaticDocuments()

    async def find(self, request: GraphQLRequest, principal: str) -> FoundDocument:
        """The document to run for this partner. Raises RequestRefused."""
        try:
            return await self._find(request, principal)
        except UpstreamError:
            message = "The state database cannot be reached, so the document cannot be looked up. Try again."
            status = HTTPStatus.SERVICE_UNAVAILABLE
            raise RequestRefused(message, "UPSTREAM_UNAVAILABLE", status, retry_after_seconds=2) from None

    def keep(self, principal: str, found: FoundDocument) -> None:
        """Store an automatic document after it has run; a document that cannot run is not stored."""
        if found.register:
            self._automatic.put(principal, found.text)

    async def _find(self, request: GraphQLRequest, principal: str) -> FoundDocument:
        if request.document_id is not None:
            return FoundDocument(await self._by_id(principal, request.document_id), "trusted", persisted=True)
        if request.query is None:
            assert request.sha256 is not None, "a well-formed request has a text, an id or a hash"
            return await self._by_hash(principal, request.sha256)
        if request.sha256 is not None and sha256(request.query.encode()).hexdigest() != request.sha256:
            raise RequestRefused("provided sha does not match query")
        return await self._by_text(request, request.query, principal)

    async def _by_id(self, principal: str, identity: str) -> str:
        built_in = self._built_in.get(canonical_id(identity))
        if built_in is not None:
            return built_in
        text = await self._trusted.by_id(principal, canonical_id(identity))
        if text is None and identity != canonical_id(identity):
            # It may have been added before ids had a canonical form.
            text = await self._trusted.by_id(principal, identity.removeprefix("sha256:"))
        if text is None:
            what = "There is no document with this documentId."
            message = f"{what} Its manifest was not added, or was added for another partner."
            raise RequestRefused(message, "UNKNOWN_DOCUMENT")
        return text

    async def _by_hash(self, principal: str, digest: str) -> FoundDocument:
        """The protocol of Apollo's clients: first only the hash, and if the hash is unknown, the text with the hash."""
        automatic = self._takes_automatic(principal)
        text = self._automatic.get(principal, digest) if automatic else None
        if text is not None:
            return FoundDocument(text, "automatic", persisted=True)
        text = await self._trusted.by_id(principal, digest)
        if text is not None:
            return FoundDocument(text, "trusted", persisted=True)
        if self._settings.mode_of(principal) == "enforce":
            raise _untrusted()
        # Apollo's clients expect these messages and this status. Some clients do not read the body of a 4xx.
        if automatic:
            raise RequestRefused("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND", HTTPStatus.OK)
        raise RequestRefused("PersistedQueryNotSupported", "PERSISTED_QUERY_NOT_SUPPORTED", HTTPStatus.OK)

    def _takes_automatic(self, principal: str) -> bool:
        return self._settings.automatic and self._settings.mode_of(principal) != "enforce"

    async def _by_text(self, request: GraphQLRequest, query: str, principal: str) -> FoundDocument:
        mode = self._settings.mode_of(principal)
        register = request.sha256 is not None and self._takes_automatic(principal)
        if mode == "off":
            return FoundDocument(query, "text", register=register)
        known = await self._known(query, principal, must_tell=mode == "enforce")
        if known is not None:
            return FoundDocument(known, "trusted_text")
        if mode == "enforce":
            raise _untrusted()
        digest = sha256(query.encode()).hexdigest()
        log.warning(
            "documents.unknown", principal=principal, sha256=digest, operation=(request.operation_name or "")[:100]
        )
        return FoundDocument(query, "unknown", register=register)

    async def _known(self, query: str, principal: str, *, must_tell: bool) -> str | None:
        try:
            return await self._trusted.by_text(principal, query)
        except UpstreamError:
            if must_tell:
                raise
            return None


def _untrusted() -> RequestRefused:
    message = "Only trusted documents run for this caller, and this document is not trusted (docs/documents.md)."
    return RequestRefused(message, "DOCUMENT_NOT_TRUSTED", HTTPStatus.FORBIDDEN)

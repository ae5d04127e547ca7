"""Access tokens: their sources, the shared fetch, and the one repeat of a call whose token was refused."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from msgspec.structs import replace

from core.call import Call, Tally
from core.clock import Deadline
from core.errors import Unavailable, UpstreamError
from core.secret import Secret
from upstreams.flow.single_flight import SingleFlight
from upstreams.http.failures import Failures
from upstreams.http.link import Link, Read, TokenRefused
from upstreams.http.request import HttpRequest

T = TypeVar("T")


class TokenSource(Protocol):
    async def token(self, call: Call) -> Secret:
        """A token that the vendor should accept."""
        ...

    async def renew(self, refused: Secret, call: Call) -> Secret:
        """Another token than the refused token. Raises Unavailable if no other token is available."""
        ...

    async def aclose(self) -> None: ...


class AuthorisedLink:
    """A link whose calls carry `Authorization: Bearer`.

    A vendor's module raises TokenRefused on a documented 401, which proves that nothing was done. The token is then
    renewed and the request is sent once more, a write too.
    """

    def __init__(self, link: Link, tokens: TokenSource) -> None:
        self.link = link
        self._tokens = tokens

    @property
    def failures(self) -> Failures:
        return self.link.failures

    async def aclose(self) -> None:
        await self._tokens.aclose()
        await self.link.aclose()

    async def read(self, request: HttpRequest, read: Read[T], call: Call) -> T:
        return await self.send_with_token(
            lambda token: self.link.read(_with_token(request, token), read, call), await self._tokens.token(call), call
        )

    async def prepare(self, request: HttpRequest, read: Read[T], call: Call) -> "AuthorisedWrite[T]":
        """Get the token and send nothing. Raises Unavailable while the circuit breaker is open."""
        self.link.check(request.lane, for_command=True)
        call = replace(call, for_command=True)
        return AuthorisedWrite(self, request, read, call, await self._tokens.token(call))

    async def send_with_token(self, send: Callable[[Secret], Coroutine[Any, Any, T]], token: Secret, call: Call) -> T:
        """Send the request. If the token is refused, send it once more with a fresh token."""
        try:
            return await send(token)
        except TokenRefused:
            fresh = await self._tokens.renew(token, call)
        try:
            return await send(fresh)
        except TokenRefused:
            raise self.failures.credentials() from None


@dataclass(frozen=True, slots=True)
class AuthorisedWrite(Generic[T]):
    """A prepared write, of which only `send` is left."""

    authorised: AuthorisedLink
    request: HttpRequest
    read: Read[T]
    call: Call
    token: Secret

    async def send(self) -> T:
        link = self.authorised.link
        return await self.authorised.send_with_token(
            lambda token: link.write(_with_token(self.request, token), self.read, self.call), self.token, self.call
        )


def _with_token(request: HttpRequest, token: Secret) -> HttpRequest:
    return replace(request, headers={**request.headers, "authorization": f"Bearer {token.reveal()}"})


class SharedFetch:
    """One token request for all reads that wait, and one for all commands.

    - The request has its own tally, so that the call counts of an operation have only its own calls.
    - The request has its own deadline, so that the end of one caller does not cancel it for the others.
    - Commands and reads do not share it, so that the circuit breaker of reads never stops a command's token.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._single_flight: SingleFlight[Secret] = SingleFlight()

    async def run(self, fetch: Callable[[Call], Coroutine[Any, Any, Secret]], call: Call) -> Secret:
        seconds = self._link.limits.total_timeout_seconds
        deadline = Deadline.after(seconds, self._link.clock)
        own = Call(deadline, Tally(), call.request_id, for_command=call.for_command, trace=call.trace)
        try:
            return await self._single_flight.run(call.for_command, lambda: fetch(own), call.deadline)
        except TimeoutError as error:
            raise self._link.failures.unavailable("gave no access token in time") from error
        except Unavailable:
            raise
        except UpstreamError as error:
            # Whatever the outcome of the token request, the call that needs the token was not sent or was refused.
            raise self._link.failures.unavailable("gave no access token", detail=error.detail) from error

    async def aclose(self) -> None:
        await self._single_flight.aclose()

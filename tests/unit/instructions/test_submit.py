import asyncio

import pytest

from core.call import Call, Tally
from core.clock import Clock, Deadline
from core.errors import Unavailable
from instructions.drafts import CommandRequest, Identity
from instructions.submit import submit

pytestmark = pytest.mark.anyio


class HangingLedger:
    async def by_key(self, _principal, _key):
        await asyncio.Event().wait()


async def test_a_state_database_that_hangs_takes_no_more_than_the_callers_deadline():
    checked = []

    async def check():
        checked.append(True)

    call = Call(Deadline.after(0.01, Clock()), Tally(), "test")
    request = CommandRequest(Identity.new("partner", "key", Clock().now()), "DEPOSIT", "partner", "key", {}, None)

    with pytest.raises(Unavailable, match=r"nothing was sent\. Repeat it with the same key\.$"):
        await submit(request, check, HangingLedger(), None, call)

    assert not checked

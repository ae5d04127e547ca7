"""`main(DATABASE, STEP, NUMBER)`: a sender of webhooks that dies at the NUMBER-th time that it passes the step."""

import asyncio

from core.secret import Secret
from instructions.failpoints import hook
from support.senders import sender_of
from support.victim import die
from upstreams.postgres.database import Database, DatabaseConfig


def main(url, step, number):
    left = int(number)

    def passed(reached):
        nonlocal left
        left -= reached.name == step
        if left == 0:
            die()

    hook.call = passed
    asyncio.run(sender_of(Database(DatabaseConfig(url=Secret(url)), label="STATE_DATABASE")).run())

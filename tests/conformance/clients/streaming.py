"""What streaming.mjs is for JavaScript: the names that the example of gql leaves open, and what runs it."""

import asyncio
import json
import os
import sys

ASKED = json.loads(os.environ["ASKED"])
keys = [ASKED["first"]]


def current_key():
    return keys[-1]


def report(stream, value):
    sys.stdout.write(f"{json.dumps([stream, value])}\n")
    sys.stdout.flush()


def show(value):
    report("instructionEvents", value)


async def main(follow, follow_the_log):
    asyncio.get_running_loop().add_reader(0, lambda: keys.append(sys.stdin.readline().strip()))
    states = (
        follow(query, variables, lambda data, stream=stream: report(stream, data[stream]))
        for stream, query, variables in ASKED["states"]
    )
    await asyncio.gather(follow_the_log(), *states)

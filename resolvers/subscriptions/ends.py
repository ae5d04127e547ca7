"""The ends of streams that callers see as an error in the last answer."""

from graphql import GraphQLError

from instructions.log_receivers import LogEnd, LogEnded
from resolvers.fields.ids import INSTRUCTION_EVENTS

_MESSAGES = {
    LogEnd.BEHIND: "The stream was read more slowly than events were made. Nothing is lost: subscribe again after the "
    "cursor.",
    LogEnd.RESET: "The log has no events after this cursor any more, or was restored from a backup. Read the list, and "
    "subscribe from `instructionEventsCursor`.",
}


class StreamEnded(GraphQLError):
    """The log ended the stream. With STREAM_BEHIND, `extensions.cursor` is where to continue."""

    def __init__(self, ended: LogEnded) -> None:
        code = "STREAM_BEHIND" if ended.end is LogEnd.BEHIND else "STREAM_RESET"
        extensions = {"code": code}
        if ended.end is LogEnd.BEHIND and ended.position is not None:
            extensions["cursor"] = INSTRUCTION_EVENTS.encode(str(ended.position.epoch), ended.position.seq)
        super().__init__(_MESSAGES[ended.end], extensions=extensions)

"""A log that no longer holds what a group's position needs: noticed before anything else is taken for it."""

from vetika_kit.inbox import Position


class LogLostError(Exception):
    """Kafka does not hold what a partition's position needs: going on would leave a hole that nobody sees."""


def check_log(position: Position, *, begin: int, end: int, same_topic: bool) -> None:
    """Look whether the log still holds what comes next, before anything else is taken for that.

    Raises:
        LogLostError: It does not.
    """
    offset = position.offset or 0
    if offset > end or not same_topic:
        raise LogLostError(
            f"the topic was made anew ({position.id} ends at {end}, and {offset} came next in the former one)"
        )
    if offset < begin:
        raise LogLostError(
            "the log no longer holds what comes next "
            f"({position.id} begins at {begin}, and {offset} comes next)"
        )

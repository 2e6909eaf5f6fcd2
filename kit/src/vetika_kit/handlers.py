"""Handlers: which events a service reads, and what it does about each."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

from vetika_kit.events import ReaderSchema, Received
from vetika_kit.topics import Stream, Topics

FunctionT = TypeVar("FunctionT", bound=Callable[..., None])
ReaderType = type[ReaderSchema]


@dataclass(frozen=True, kw_only=True)
class Handler:
    """One function for one type of event of one service."""

    type: str
    service: str
    stream: Stream
    reads: ReaderType | None
    function: Callable[..., None]
    needs: tuple[str, ...]

    def handle(self, event: Received, *, stores: Mapping[str, object]) -> None:
        """Let the event take effect through the stores that the function names."""
        self.function(event, **{name: stores[name] for name in self.needs})


def handles(
    type_: str, *, reads: type[ReaderSchema] | None, service: str, stream: str = Stream.EVENTS
) -> Callable[[FunctionT], FunctionT]:
    """Declare a function as the handler of an event type.

    Args:
        type_: The event's type.
        reads: The reader's own tolerant schema; None where the event is a tombstone.
        service: The service that publishes it.
        stream: The stream that it comes on.

    The function takes the event and, keyword-only, the stores it needs, by the names that the
    service's ``stores`` gives them. All its effects go through those; it touches nothing outside.
    """

    def declare(function: FunctionT) -> FunctionT:
        needs = tuple(
            name
            for name, parameter in inspect.signature(function).parameters.items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        )
        handler = Handler(
            type=type_, service=service, stream=Stream(stream), reads=reads, function=function, needs=needs
        )
        function.__dict__.setdefault("handlers", []).append(handler)
        return function

    return declare


@dataclass(frozen=True, kw_only=True)
class Handlers:
    """All handlers of a service."""

    by_type: Mapping[tuple[str, Stream, str], Handler]

    @classmethod
    def in_module(cls, module: ModuleType | None) -> "Handlers":
        """Collect what a ``consumes.py`` declares.

        Raises:
            ValueError: Two functions claim the same event.
        """
        found: dict[tuple[str, Stream, str], Handler] = {}
        for _, function in inspect.getmembers(module, inspect.isfunction):
            handlers: list[Handler] = getattr(function, "handlers", [])
            for handler in handlers:
                key = (handler.service, handler.stream, handler.type)
                if key in found and found[key] is not handler:
                    raise ValueError(f"{handler.type} of {handler.service} is handled twice")
                found[key] = handler
        return cls(by_type=found)

    def topics(self, topics: Topics) -> dict[str, tuple[str, Stream]]:
        """Return the topics to subscribe to, each with the service and stream that it belongs to."""
        return {topics.of(service, stream): (service, stream) for service, stream, _ in sorted(self.by_type)}

    def find(self, *, service: str, stream: Stream, type_: str) -> Handler | None:
        """Return the handler of an event, or None where this service does not read it."""
        return self.by_type.get((service, stream, type_))

    def described(self) -> list[dict[str, Any]]:
        """List what is read, for contracts and operators."""
        return [
            {"type": handler.type, "service": handler.service, "stream": str(handler.stream)}
            for _, handler in sorted(self.by_type.items())
        ]

"""What the rules say no with; the API turns each into a problem answer."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One field of a plan that breaks a rule.

    Attributes:
        pointer: JSON pointer into the request's body, such as ``/seat_policy/reserved``.
        detail: What is wrong with it, for a person.
    """

    pointer: str
    detail: str


class BadPlanError(Exception):
    """A forum's plan contradicts itself or the calendar; carries every fault at once."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults))
        self.faults = faults


class RefusedError(Exception):
    """The forum is not in a state in which this may be done.

    Attributes:
        slug: Stable name of the reason, the last part of the problem's type.
        detail: The reason for a person.
    """

    def __init__(self, slug: str, detail: str) -> None:
        super().__init__(detail)
        self.slug = slug
        self.detail = detail


class UnknownForumError(Exception):
    """There is no such forum, or none that this actor may know of."""


class NotTheHostError(Exception):
    """Somebody acts on a forum of which they are neither the host nor the secretariat."""

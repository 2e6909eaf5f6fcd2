"""Why an application is not admitted."""


class AdmissionError(Exception):
    """An application was not admitted."""


class ForumUnknownError(AdmissionError):
    """There is no such forum."""


class RegistrationClosedError(AdmissionError):
    """The forum takes no registrations now."""


class WaitlistFullError(AdmissionError):
    """The line is so long that nobody may join it."""


class AlreadyRegisteredError(AdmissionError):
    """The person has an active registration in this forum."""

    def __init__(self, reference: str | None) -> None:
        super().__init__("already registered")
        self.reference = reference  # for those who may know; a stranger is not told


class TooBusyError(AdmissionError):
    """More applications wait than can be decided in time; nothing was changed."""


class UndecidedError(AdmissionError):
    """The answer took too long; sent again with the same id, the application finds what became of it."""

"""What a rule says when it is broken."""


class RuleError(ValueError):
    """A value or a step that the rules do not allow."""

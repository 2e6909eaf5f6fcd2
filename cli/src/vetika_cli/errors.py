"""What a user is told when something cannot work."""


class UserError(Exception):
    """One clear sentence for the user that says what to do; the command ends with status 1."""

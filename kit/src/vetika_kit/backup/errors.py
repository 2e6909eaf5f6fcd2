"""What can be wrong with a backup, a journal or the store that they are for."""


class BackupError(Exception):
    """One sentence for the operator; nothing was changed, or running the same command again completes it."""


class ArchiveError(BackupError):
    """What was given is torn, damaged, not for us, or no archive at all."""

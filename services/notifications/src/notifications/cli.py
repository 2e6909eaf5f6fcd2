"""`notifications api|relay|worker|sender|…`: the processes of this service."""

from notifications.service import SERVICE


def main() -> int:
    """Run what the command line names; return the exit status."""
    return SERVICE.main()

"""`recommendations api|relay|worker|…`: the processes of this service."""

from recommendations.service import SERVICE


def main() -> int:
    """Run what the command line names; return the exit status."""
    return SERVICE.main()

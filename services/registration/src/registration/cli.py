"""`registration api|relay|worker|indexes`: one process of the service."""

from registration.service import SERVICE


def main() -> int:
    """Run the process that the command line names."""
    return SERVICE.main()

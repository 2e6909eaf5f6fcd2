"""The contracts: what the services publish and read, written down, compared and kept compatible."""

from vetika_cli.contracts.command import main

__all__ = ["main"]

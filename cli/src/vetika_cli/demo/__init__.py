"""`vetika demo`: a whole forum on example data, through the services' own APIs."""

from vetika_cli.demo.command import main

__all__ = ["main"]

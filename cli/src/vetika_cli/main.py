"""`vetika`: find the command, run it, say in one sentence what went wrong."""

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from vetika_cli.arguments import PASSED_ON, parser
from vetika_cli.errors import UserError


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status (0 is good, 1 failed, 2 was not understood, 130 interrupted)."""
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(given or ["--help"])
    except UserError as error:
        print(f"vetika: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output went away (`vetika events | head`); nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if sentence := _explained(error):
            print(f"vetika: {sentence}", file=sys.stderr)
            return 1
        raise


def _run(given: Sequence[str]) -> int:
    top = parser()
    if given[0] in PASSED_ON:
        run: Callable[[Any], int] = _function(top.parse_args(given[:1]).run)
        return run(given[1:])
    if given[0] == "test":
        # What is not ours is pytest's.
        arguments, arguments_of_pytest = top.parse_known_args(given)
        arguments.pytest = arguments_of_pytest
    else:
        arguments = top.parse_args(given)
    run = _function(arguments.run)
    return run(arguments)


def _function(name: str) -> Callable[[Any], int]:
    module, _, function = name.partition(":")
    found: Callable[[Any], int] = getattr(importlib.import_module(module), function)
    return found


def _explained(error: OSError) -> str | None:
    import errno  # noqa: PLC0415 - only when something failed

    place = f" ({error.filename})" if error.filename else ""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return f"the disk is full{place}: free some space (1 GB is comfortable) and run this again."
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return f"{error.strerror}{place}: run this as the owner, or set VETIKA_HOME to a folder of yours."
        case _:
            return None

"""`python -m vetika_cli.sandbox mailbox|phone`: run one of the two until SIGTERM."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from vetika_cli.ports import LOOPBACK
from vetika_cli.sandbox.mailbox import Mailbox
from vetika_cli.sandbox.phone import Account, Phone


def main() -> int:
    """Run what is named."""
    parser = argparse.ArgumentParser(prog="vetika_cli.sandbox", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    mailbox, phone = kinds.add_parser("mailbox"), kinds.add_parser("phone")
    for sub in (mailbox, phone):
        sub.add_argument("--directory", type=Path, required=True, help="where messages are kept")
        sub.add_argument("--http-port", type=int, required=True)
    mailbox.add_argument("--smtp-port", type=int, required=True)
    phone.add_argument("--account-file", type=Path, required=True, help="holds the account's id")
    phone.add_argument("--secret-file", type=Path, required=True, help="holds the account's password")
    phone.add_argument("--host", default=LOOPBACK, help="address to listen on (%(default)s)")
    phone.add_argument(
        "--callbacks-via",
        metavar="URL",
        help="where the callbacks' public address leads to from here; their signature names the public one",
    )
    given = parser.parse_args()

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server: Mailbox | Phone
    if given.kind == "mailbox":
        server = Mailbox(directory=given.directory, smtp_port=given.smtp_port, http_port=given.http_port)
    else:
        account = Account(
            id=given.account_file.read_text().strip(), secret=given.secret_file.read_text().strip()
        )
        server = Phone(
            directory=given.directory,
            http_port=given.http_port,
            account=account,
            host=given.host,
            callbacks_via=given.callbacks_via,
        )
    with server:
        stop.wait()
    return 0


sys.exit(main())

"""`vetika inbox` and `vetika phone`: what left the platform, as the mailbox and the phone show it."""

import argparse
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from vetika_cli.errors import UserError
from vetika_cli.installation import Installation

Message = dict[str, Any]


def inbox(arguments: argparse.Namespace) -> int:
    """List the mails, or show one with its parts decoded."""
    base = Installation.current().address("mailbox")
    if arguments.action == "list":
        return _list(base, arguments, line=_mail_line)
    number = arguments.number or _latest(base, arguments)
    mail = _get(f"{base}/messages/{number}")
    if arguments.json:
        print(json.dumps(mail, ensure_ascii=False, indent=2))
        return 0
    for name, value in (
        ("From", mail["sender"]),
        ("To", ", ".join(mail["recipients"])),
        ("Subject", mail["subject"]),
        ("Received", mail["received_at"]),
    ):
        print(f"{name + ':':<10}{value}")
    for part in mail["parts"]:
        name = f" {part['filename']}" if part["filename"] else ""
        print(f"\n── {part['content_type']}{name}, {part['size']} bytes")
        if part["text"] is not None:
            print(part["text"].rstrip())
    return 0


def phone(arguments: argparse.Namespace) -> int:
    """List the SMS, or show one."""
    base = Installation.current().address("phone")
    if arguments.action == "list":
        return _list(base, arguments, line=_sms_line)
    number = arguments.number or _latest(base, arguments)
    sms = _get(f"{base}/messages/{number}")
    if arguments.json:
        print(json.dumps(sms, ensure_ascii=False, indent=2))
        return 0
    error = f" ({sms['error_code']})" if sms["error_code"] else ""
    print(f"From:     {sms['sender']}\nTo:       {sms['to']}\nReceived: {sms['received_at']}")
    print(f"State:    {sms['status']}{error}\nParts:    {sms['segments']}\n\n{sms['body']}")
    return 0


def _list(base: str, arguments: argparse.Namespace, *, line: Any) -> int:
    found = _found(base, arguments)
    latest = found[-arguments.limit :] if arguments.limit > 0 else []
    if arguments.json:
        print(json.dumps(latest, ensure_ascii=False, indent=2))
        return 0
    for message in latest:
        print(line(message))
    if not found:
        print("Nothing has left yet.")
    elif len(latest) < len(found):
        print(f"The latest {len(latest)} of {len(found)}; more with --limit, or at {base}.")
    return 0


def _mail_line(mail: Message) -> str:
    return f"{mail['number']:>5}  {mail['received_at']}  {', '.join(mail['recipients'])}  {mail['subject']}"


def _sms_line(sms: Message) -> str:
    text = " ".join(sms["body"].split())
    return f"{sms['number']:>5}  {sms['received_at']}  {sms['to']}  {sms['status']:<11}  {text[:80]}"


def _found(base: str, arguments: argparse.Namespace) -> list[Message]:
    query = f"?{urllib.parse.urlencode({'to': arguments.to})}" if arguments.to else ""
    items: list[Message] = _get(f"{base}/messages{query}")["items"]
    return items


def _latest(base: str, arguments: argparse.Namespace) -> int:
    found = _found(base, arguments)
    if not found:
        raise UserError("Nothing has left yet.")
    number: int = found[-1]["number"]
    return number


def _get(url: str) -> Any:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own loopback address
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise UserError(f"There is no such message ({url}).") from error
    except (urllib.error.URLError, OSError) as error:
        raise UserError(f"Nothing answers at {url}: `./vetika up` starts it.") from error

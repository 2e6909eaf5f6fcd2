"""`vetika hosting …` and `vetika partner …`."""

import argparse
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from vetika_cli.errors import UserError
from vetika_cli.hosting import files, partners, reading
from vetika_cli.hosting.coalition import PARTNERS, Coalition
from vetika_cli.hosting.files import Change
from vetika_cli.hosting.rendering import Rendering, Renewal, Step
from vetika_cli.hosting.source import Source

_NEXT: Final = {
    Step.PREPARE: "Hand all folders out. When everybody has started anew with them: `--authority switch`.",
    Step.SWITCH: "Hand all folders out; who has a new certificate starts anew. Then: `--authority retire`.",
    Step.RETIRE: "Hand all folders out; only the new authority counts from then on.",
}


def render(arguments: argparse.Namespace) -> int:
    """Write the folders of all organizations and partners, or only show what would change."""
    coalition = reading.read(arguments.file, services=Source().services)
    changes = _rendered(coalition, folder=arguments.to, check=arguments.check)
    if arguments.check:
        return 1 if changes else 0
    return 0


def rotate(arguments: argparse.Namespace) -> int:
    """Give a user of Kafka a new password."""
    coalition = reading.read(arguments.file, services=Source().services)
    owner = _owner(coalition, arguments.user)
    _rendered(coalition, folder=arguments.to, renewal=Renewal(users=frozenset([arguments.user])))
    print(
        f"Next: {_host(coalition)} runs `docker compose run --rm kafka-rights`;"
        f" then {owner} starts anew with its folder. Until then its open connections live on, and what it"
        " cannot send or read waits and is not lost."
    )
    return 0


def renew(arguments: argparse.Namespace) -> int:
    """Issue all certificates of the coalition's authority anew, or go a step in replacing the authority."""
    coalition = reading.read(arguments.file, services=Source().services)
    step = None if arguments.authority is None else Step(arguments.authority)
    _rendered(coalition, folder=arguments.to, renewal=Renewal(certificates=step is None, authority=step))
    print(
        f"Next: {_NEXT[step] if step else 'Hand the folders out; whoever has a new certificate starts anew.'}"
    )
    return 0


def add_partner(arguments: argparse.Namespace) -> int:
    """Name a partner in the hosting file, and make its folder."""
    topics = [topic.strip() for topic in arguments.topics.split(",") if topic.strip()]
    reading.read(arguments.file, services=Source().services)  # else the fault would be the partner's
    text = partners.with_partner(
        arguments.file.read_text("utf-8"), name=arguments.name, title=arguments.title, topics=topics
    )
    coalition = reading.parsed(text, path=arguments.file, services=Source().services)
    partners.write(arguments.file, text)
    _rendered(coalition, folder=arguments.to)
    print(
        f"Next: {_host(coalition)} runs `docker compose run --rm kafka-rights`; then hand"
        f" {arguments.to / PARTNERS / arguments.name} over, by a way that nobody else reads, and remove the"
        " password here."
    )
    return 0


def remove_partner(arguments: argparse.Namespace) -> int:
    """Take a partner out of the hosting file, and its folder away."""
    reading.read(arguments.file, services=Source().services)
    text = partners.without_partner(arguments.file.read_text("utf-8"), name=arguments.name)
    coalition = reading.parsed(text, path=arguments.file, services=Source().services)
    partners.write(arguments.file, text)
    _rendered(coalition, folder=arguments.to)
    print(f"Next: {_host(coalition)} runs `docker compose run --rm kafka-rights`, which ends its rights.")
    return 0


def _rendered(
    coalition: Coalition, *, folder: Path, check: bool = False, renewal: Renewal | None = None
) -> Sequence[Change]:
    rendering = Rendering(coalition, source=Source(), folder=folder, now=datetime.now(UTC), renewal=renewal)
    changes = rendering.tree().changes(folder)
    for line in _shown(changes):
        print(line)
    for note in rendering.notes:
        print(f"note     {note}")
    if not check:
        files.bring_about(folder, changes)
    verdict = "would change" if check else "changed"
    print(f"{len(changes)} files {verdict} in {folder}." if changes else f"Nothing to change in {folder}.")
    return changes


def _shown(changes: Sequence[Change]) -> list[str]:
    """Return lines for people; whole folders of copies that appear or go are one line each."""
    copied = [one for one in changes if "contracts" in one.path.parts and None in {one.before, one.after}]
    lines = [line for one in changes if one not in copied for line in one.lines()]
    counts = Counter(("new" if one.before is None else "gone", Path(*one.path.parts[:3])) for one in copied)
    return lines + [f"{done:<8} {path}/ ({count} files)" for (done, path), count in counts.items()]


def _owner(coalition: Coalition, user: str) -> str:
    owners = {
        coalition.user_of_service(one): org.name for org in coalition.organizations for one in org.services
    }
    owners |= {coalition.user_of_partner(one): one.name for one in coalition.partners}
    if coalition.administrator is not None:
        owners[coalition.administrator] = coalition.kafka.hosted_by
    if user not in owners:
        raise UserError(f"There is no user {user}; there are {', '.join(sorted(owners))}.")
    return owners[user]


def _host(coalition: Coalition) -> str:
    return coalition.kafka_host.name if coalition.kafka_host else "whoever applies rights"

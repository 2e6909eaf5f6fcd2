"""What a secretary wants to see when the list is in."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from vetika_cli.caller import Caller
from vetika_cli.installation import Installation

GENDERS: Final = ("female", "male", "other", "undisclosed")

Document = dict[str, Any]


def show(
    secretariat: Caller, *, forum_id: str, imported: Document, installation: Installation, console: Console
) -> None:
    """Print seats, refused rows, messages, participants and the addresses to open next."""
    statistics = secretariat.get("registration", f"/v1/forums/{forum_id}/statistics")
    deliveries = secretariat.get("notifications", f"/v1/deliveries/statistics?forum_id={forum_id}")["counts"]
    console.print()
    console.print(_seats(statistics), soft_wrap=True)
    console.print(_refused(imported))
    console.print(_messages(deliveries))
    console.print(_participants(statistics["by_gender_and_category"]))
    console.print(_next_steps(forum_id, installation), soft_wrap=True)


def _seats(statistics: Document) -> str:
    seats, totals = statistics["seats"], statistics["totals"]
    return (
        f"[bold]Decentralization and Gender[/bold]: {seats['taken']} of {seats['capacity']} seats taken, "
        f"{totals['waitlisted']} on the waitlist, {totals['cancelled']} cancelled."
    )


def _refused(imported: Document) -> Table:
    table = Table(
        title=f"{imported['refused']} of {imported['rows']} rows were refused",
        title_justify="left",
        expand=False,
    )
    table.add_column("Line", justify="right")
    table.add_column("Column")
    table.add_column("Why")
    for finding in imported["findings"]:
        table.add_row(str(finding["line"]), finding["column"] or "", finding["messages"]["en"])
    return table


def _messages(counts: Iterable[Document]) -> Table:
    table = Table(title="E-mails and SMS", title_justify="left", expand=False)
    for name in ("Channel", "Language", "State"):
        table.add_column(name)
    table.add_column("Messages", justify="right")
    table.add_column("SMS parts", justify="right")
    languages = {"en": "English", "km": "Khmer", None: ""}
    ordered = sorted(counts, key=lambda one: (one["channel"] or "", one["language"] or "", one["state"]))
    for one in ordered:
        parts = str(one["sms_parts"]) if one["channel"] == "sms" else ""
        table.add_row(
            one["channel"] or "", languages[one["language"]], one["state"], str(one["deliveries"]), parts
        )
    return table


def _participants(cells: Iterable[Document]) -> Table:
    """Count who has a seat, by gender and stakeholder category."""
    counted: Counter[tuple[str, str]] = Counter()
    for cell in cells:
        if cell["status"] == "confirmed":
            counted[cell["stakeholder_category"], cell["gender"]] += cell["count"]
    genders = [gender for gender in GENDERS if any(seen == gender for _, seen in counted)]
    table = Table(title="Who has a seat", title_justify="left", expand=False)
    table.add_column("Stakeholder category")
    for gender in [*genders, "all"]:
        table.add_column(gender, justify="right")
    for category in sorted({category for category, _ in counted}):
        numbers = [counted[category, gender] for gender in genders]
        table.add_row(category.replace("_", " "), *map(str, numbers), str(sum(numbers)))
    table.add_section()
    totals = [sum(count for (_, seen), count in counted.items() if seen == gender) for gender in genders]
    table.add_row("all", *map(str, totals), str(sum(totals)))
    return table


def _next_steps(forum_id: str, installation: Installation) -> str:
    rows = [
        ("The mails that left", installation.address("mailbox")),
        ("The SMS that left", installation.address("phone")),
        ("The forum and its seats", f"{installation.address('registration')}/v1/forums/{forum_id}"),
        ("Registration's API", f"{installation.address('registration')}/docs"),
        ("What partners see", "./vetika events --from-start"),
        ("Calling as the secretariat", "./vetika token --role secretariat"),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(["[bold]Look next[/bold]", *(f"  {name:<{width}}  {place}" for name, place in rows)])

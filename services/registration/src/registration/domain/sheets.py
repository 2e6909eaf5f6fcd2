"""A list as a spreadsheet writes it, taken apart into its header and its rows."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from registration.domain.findings import Finding, Reason
from registration.domain.texts import cleaned

REQUIRED_COLUMNS: Final = ("family_name", "given_name", "gender", "stakeholder_category", "language")
OPTIONAL_COLUMNS: Final = (
    "name_km",
    "organization",
    "email",
    "phone",
    "channels",
    "role",
    "dietary",
    "accessibility",
)
COLUMNS: Final = REQUIRED_COLUMNS + OPTIONAL_COLUMNS
MAX_ROWS: Final = 10_000
# A quote that is never closed would swallow the rest of the file; after so many lines the first is
# reported as broken and reading goes on behind it.
MAX_LINES_OF_A_ROW: Final = 10


class UnreadableFileError(ValueError):
    """The file as a whole cannot be an import: its header is wrong, or it is too long."""

    def __init__(self, code: str, **details: str) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


@dataclass(frozen=True, kw_only=True)
class Row:
    """The cells of a row, as they stand in the file."""

    line: int
    cells: Sequence[str]


def read_rows(content: bytes) -> tuple[tuple[str, ...], list[Row], list[Finding]]:
    """Split a file into its header, its rows and what is no row at all.

    Raises:
        UnreadableFileError: The header is missing, unknown or incomplete, or there are too many rows.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableFileError("not_utf8")
    # Bytes that are no UTF-8 become lone surrogates, so that only the rows that hold them are refused.
    text = content.decode("utf-8-sig", errors="surrogateescape")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    header_at = next((place for place, line in enumerate(lines) if line.strip(" ,;\t")), None)
    if header_at is None:
        raise UnreadableFileError("empty")
    delimiter = _delimiter(lines[header_at])
    header = _header(lines[header_at], delimiter=delimiter)
    rows: list[Row] = []
    findings: list[Finding] = []
    for found in _split(lines, begin=header_at + 1, delimiter=delimiter):
        if isinstance(found, Finding):
            findings.append(found)
        elif len(found.cells) != len(header):
            details = {"expected": len(header), "found": len(found.cells)}
            findings.append(
                Finding(line=found.line, column=None, reason=Reason.WRONG_CELL_COUNT, details=details)
            )
        else:
            rows.append(found)
        if len(rows) + len(findings) > MAX_ROWS:
            raise UnreadableFileError("too_many_rows", limit=str(MAX_ROWS))
    return header, rows, findings


def _delimiter(line: str) -> str:
    """Return what parts the cells: spreadsheets of some countries write semicolons or tabs."""
    return max(",;\t", key=line.count)


def _header(line: str, *, delimiter: str) -> tuple[str, ...]:
    cells = next(csv.reader([line], delimiter=delimiter), [])
    header = tuple(cleaned(cell).casefold() for cell in cells)
    unknown = sorted(set(header) - set(COLUMNS))
    missing = [column for column in REQUIRED_COLUMNS if column not in header]
    twice = sorted({column for column in header if header.count(column) > 1})
    if missing:
        raise UnreadableFileError("missing_columns", columns=", ".join(missing))
    if unknown:
        raise UnreadableFileError("unknown_columns", columns=", ".join(unknown)[:200])
    if twice:
        raise UnreadableFileError("repeated_columns", columns=", ".join(twice))
    return header


def _split(lines: Sequence[str], *, begin: int, delimiter: str) -> Iterator[Row | Finding]:
    at = begin
    while at < len(lines):
        taken = 1
        while taken < MAX_LINES_OF_A_ROW and at + taken < len(lines) and _is_open(lines[at : at + taken]):
            taken += 1
        if not lines[at].strip(f" {delimiter}"):
            at += 1
            continue
        try:
            cells = next(csv.reader(["\n".join(lines[at : at + taken])], delimiter=delimiter, strict=True))
        except csv.Error:
            yield Finding(line=at + 1, column=None, reason=Reason.BROKEN_QUOTES)
            taken = 1
        else:
            yield Row(line=at + 1, cells=cells)
        at += taken


def _is_open(lines: Sequence[str]) -> bool:
    return sum(line.count('"') for line in lines) % 2 == 1

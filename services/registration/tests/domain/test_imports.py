"""Reading lists as spreadsheets write them: good rows, named bad ones, nothing lost."""

import pytest

from registration.domain.categories import Channel, ForumRole
from registration.domain.findings import Reason
from registration.domain.imports import check_rows
from registration.domain.sheets import COLUMNS, MAX_ROWS, UnreadableFileError, read_rows
from registration.messages import explained

HEADER = ",".join(COLUMNS)


def _row(**cells):
    usual = {
        "family_name": "Sok",
        "given_name": "Dara",
        "gender": "male",
        "stakeholder_category": "cbo",
        "language": "km",
        "email": "dara@x.example",
    }
    return ",".join(cells.get(column, usual.get(column, "")) for column in COLUMNS)


def _read(*rows, header=HEADER, end="\n"):
    content = end.join([header, *rows]).encode()
    header, found, broken = read_rows(content)
    good, bad = check_rows(header, found)
    return good, sorted([*broken, *bad], key=lambda finding: finding.line)


def _reasons(findings):
    return [(finding.line, finding.column, finding.reason) for finding in findings]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_they_like(end):
    """Unix, Windows and old Mac line ends are one."""
    good, bad = _read(_row(), _row(email="b@x.example"), "", end=end)
    assert ([row.line for row in good], bad) == ([2, 3], [])


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters(delimiter):
    """Spreadsheets of some countries part cells by semicolons or tabs."""
    header = HEADER.replace(",", delimiter)
    good, bad = _read(_row(channels='"email"').replace(",", delimiter), header=header)
    assert (len(good), bad) == (1, [])


def test_lines_are_counted_as_an_editor_does():
    """Empty lines count, and a row of several lines stands where it begins."""
    good, bad = _read("", _row(), '"two', f'lines",{_row()[4:]}', _row(email="no address"))
    assert [row.line for row in good] == [3]
    assert _reasons(bad) == [
        (4, "family_name", Reason.CONTROL_CHARACTER),
        (6, "email", Reason.INVALID_EMAIL),
    ]


def test_a_quote_that_never_closes_costs_its_row_only():
    """The rows behind it are read."""
    others = [_row(email=f"p{number}@x.example") for number in range(20)]
    good, bad = _read('"Sok' + _row()[3:], *others)
    assert _reasons(bad) == [(2, None, Reason.BROKEN_QUOTES)]
    assert len(good) == 20


def test_bytes_that_are_no_utf8_cost_their_row_only():
    """The row is named, the next one is taken."""
    content = f"{HEADER}\n".encode() + _row().encode().replace(b"Sok", b"S\xf6k") + b"\n" + _row().encode()
    header, rows, _ = read_rows(content)
    good, bad = check_rows(header, rows)
    assert _reasons(bad) == [(2, "family_name", Reason.NOT_UTF8)]
    assert [row.line for row in good] == [3]


@pytest.mark.parametrize("start", ["=1+1", "+cmd", "-2", "@SUM(A1)", "\u200b=1", " =1"])
@pytest.mark.parametrize("column", ["family_name", "organization", "dietary", "email", "role"])
def test_formulas_are_refused(column, start):
    """In every text column, also behind spaces and invisible characters."""
    _, bad = _read(_row(**{column: start}))
    assert (2, column, Reason.FORMULA) in _reasons(bad)


def test_a_plus_begins_a_number_but_no_formula():
    """`+855…` is a telephone number; `=` and `-` begin none."""
    good, bad = _read(_row(phone="+855 12 345 678"), _row(email="", phone="=12345678"))
    assert good[0].form.person.phone == "+85512345678"
    assert _reasons(bad) == [(3, "phone", Reason.FORMULA)]


def test_all_that_is_wrong_with_a_row_is_named():
    """Every column, with its reason; a message in both languages for each."""
    _, bad = _read(
        _row(family_name="", gender="x", language="fr", phone="12-34", email="", dietary="a\x00b"),
        _row(email="", channels="email"),
        _row(channels="sms"),
        _row(channels="fax"),
        _row(given_name="x" * 101),
        "too,few",
    )
    assert set(_reasons(bad)) == {
        (2, "family_name", Reason.MISSING),
        (2, "gender", Reason.UNKNOWN_VALUE),
        (2, "language", Reason.UNKNOWN_VALUE),
        (2, "phone", Reason.INVALID_PHONE),
        (2, "dietary", Reason.CONTROL_CHARACTER),
        (3, "email", Reason.NO_ADDRESS),
        (4, "channels", Reason.CHANNEL_WITHOUT_ADDRESS),
        (5, "channels", Reason.UNKNOWN_VALUE),
        (6, "given_name", Reason.TOO_LONG),
        (7, None, Reason.WRONG_CELL_COUNT),
    }
    assert all(explained(finding)["en"] and explained(finding)["km"] for finding in bad)


def test_every_reason_has_words():
    """A reason without a message would leave somebody without an answer."""
    from registration.domain.categories import Language  # noqa: PLC0415
    from registration.messages import catalogue  # noqa: PLC0415

    english, khmer = catalogue(Language.ENGLISH), catalogue(Language.KHMER)
    assert set(Reason) <= english.keys()
    assert english.keys() == khmer.keys()


def test_what_a_row_leaves_out_is_what_most_mean():
    """No channel: all that are given; no role: participant; capitals and spaces do not matter."""
    good, _ = _read(_row(phone="012345678", gender=" MALE "), _row(email="b@x.example", role="Speaker"))
    assert good[0].form.person.channels == (Channel.EMAIL, Channel.SMS)
    assert good[0].form.role is ForumRole.PARTICIPANT
    assert good[1].form.role is ForumRole.SPEAKER


def test_a_person_twice_is_taken_once():
    """The same e-mail address or number, however written; the first line is named."""
    _, bad = _read(
        _row(phone="012 345 678"),
        _row(email="DARA@x.example"),
        _row(email="other@x.example", phone="+85512345678"),
    )
    assert [(one.line, one.reason, one.details["first"]) for one in bad] == [
        (3, Reason.DUPLICATE_IN_FILE, 2),
        (4, Reason.DUPLICATE_IN_FILE, 2),
    ]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"\n ,,\n", "empty"),
        (b"\xff\xfes\x00", "not_utf8"),
        (b"family_name\n", "missing_columns"),
        (f"{HEADER},shoes".encode(), "unknown_columns"),
        (f"{HEADER},role".encode(), "repeated_columns"),
        (f"{HEADER}\n".encode() + b"x\n" * (MAX_ROWS + 1), "too_many_rows"),
    ],
)
def test_what_is_no_list_at_all(content, code):
    """The file as a whole is refused, with the reason."""
    with pytest.raises(UnreadableFileError) as refused:
        read_rows(content)
    assert refused.value.code == code

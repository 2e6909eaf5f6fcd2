"""Fields for what people write and for moments."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from vetika_kit.http.fields import LocalizedText, Text, Timestamp


def test_text_is_normalized_and_trimmed():
    """The same word typed in two ways is one text."""
    assert Text().deserialize("  Cafe\u0301 ") == "Caf\u00e9"
    assert Text().deserialize("វេទិកា\u200bវិមជ្ឈការ") == "វេទិកា\u200bវិមជ្ឈការ"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "\u200b\u200b",
        "\ufeff",
        "a\0b",
        "a\x1bb",
        "a\u202eb",
        "a\u2066b",
        "a\ud800b",
        "a\nb",
        "a\tb",
        "a\u2028b",
        "a" * 201,
        "e\u0301" * 201,
        7,
        True,
        None,
        ["a"],
        {"$gt": ""},
    ],
)
def test_text_refuses_what_cannot_be_meant(text):
    """Empty, invisible, controlling, direction-changing, too long or no text at all."""
    with pytest.raises(ValidationError):
        Text(1, 200, required=True).deserialize(text)


def test_length_is_counted_after_normalizing():
    """200 letters that were typed as 400 code points are 200."""
    assert len(Text(1, 200).deserialize("e\u0301" * 200)) == 200


def test_several_lines_are_allowed_where_declared():
    """Line breaks come in one form, other controls stay refused."""
    field = Text(0, 100, multiline=True)
    assert field.deserialize("a\r\nb\rc\td") == "a\nb\nc\td"
    assert field.deserialize("") == ""
    with pytest.raises(ValidationError):
        field.deserialize("a\x0bb")


@given(st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=300))
def test_text_that_passes_can_be_stored(text):
    """Whatever comes through is NFC, visible, within limits and encodable."""
    try:
        found = Text(1, 50, multiline=True).deserialize(text)
    except ValidationError:
        return
    assert 1 <= len(found) <= 50
    assert found == found.strip()
    assert found.encode()
    assert "\0" not in found


def test_localized_text_needs_one_language_and_knows_no_other():
    """English, Khmer or both."""
    field = LocalizedText(1, 20)
    assert field.deserialize({"km": " វេទិកា "}) == {"km": "វេទិកា"}
    for wrong in ({}, {"fr": "x"}, {"en": ""}, {"en": None}, "text", {"en": {"$gt": ""}}):
        with pytest.raises(ValidationError):
            field.deserialize(wrong)


def test_a_moment_needs_an_offset_and_becomes_utc():
    """RFC 3339 with any offset loads as UTC in whole milliseconds."""
    expected = datetime(2026, 3, 1, 2, 0, 0, 123000, tzinfo=UTC)
    for text in ("2026-03-01T09:00:00.123456+07:00", "2026-03-01t02:00:00.1239z"):
        assert Timestamp().deserialize(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T09:00:00",
        "2026-03-01",
        "2026-03-01 09:00:00Z",
        "20260301T090000Z",
        "2026-02-30T09:00:00Z",
        "2026-03-01T24:00:01Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "٢٠٢٦-03-01T09:00:00Z",
        1772330400,
        True,
        {"$date": 1},
    ],
)
def test_what_is_no_moment_is_refused(text):
    """Naive, impossible, out of range or no text at all."""
    with pytest.raises(ValidationError):
        Timestamp(required=True).deserialize(text)


def test_a_moment_is_sent_in_utc():
    """Sent with Z, with milliseconds only where there are some; a naive one is our own mistake."""
    phnom_penh = timezone(timedelta(hours=7))
    field = Timestamp()
    assert field._serialize(datetime(2026, 3, 1, 9, tzinfo=phnom_penh), "a", None) == "2026-03-01T02:00:00Z"
    assert field._serialize(datetime(2026, 3, 1, 9, 0, 0, 5000, UTC), "a", None) == "2026-03-01T09:00:00.005Z"
    assert field._serialize(None, "a", None) is None
    with pytest.raises(ValueError, match="offset"):
        field._serialize(datetime(2026, 3, 1, 9), "a", None)  # noqa: DTZ001 - naive on purpose

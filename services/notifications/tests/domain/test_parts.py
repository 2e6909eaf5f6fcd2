"""SMS parts: the counts are those of 3GPP TS 23.038 and TS 23.040."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.domain.errors import RuleError
from notifications.domain.parts import (
    GSM_BASIC,
    GSM_EXTENSION,
    LIMITS,
    Encoding,
    clusters,
    encoding_of,
    shorten,
    split,
    units,
    without_typography,
)

KHMER = "វេទិកា ស្តីពី វិមជ្ឈការ និង យេនឌ័រ ខ្ញុំ ស្រ្តី "


def test_the_default_alphabet_has_its_127_characters_and_the_extension_its_ten():
    """The tables hold each character of TS 23.038 once: 128 places without ESC, and ten behind it."""
    assert len(GSM_BASIC) == 127
    assert len(GSM_EXTENSION) == 10
    assert not GSM_BASIC & GSM_EXTENSION


@pytest.mark.parametrize(
    ("text", "encoding", "parts"),
    [
        ("", Encoding.GSM_7BIT, 1),
        ("a" * 160, Encoding.GSM_7BIT, 1),
        ("a" * 161, Encoding.GSM_7BIT, 2),
        ("a" * 306, Encoding.GSM_7BIT, 2),
        ("a" * 307, Encoding.GSM_7BIT, 3),
        ("€" * 80, Encoding.GSM_7BIT, 1),
        ("€" * 81, Encoding.GSM_7BIT, 2),
        ("a" * 152 + "€" + "a" * 152, Encoding.GSM_7BIT, 3),  # the escape does not fit the first part
        ("è" * 160, Encoding.GSM_7BIT, 1),
        ("ê" * 70, Encoding.UCS_2, 1),
        ("ក" * 70, Encoding.UCS_2, 1),
        ("ក" * 71, Encoding.UCS_2, 2),
        ("ក" * 134, Encoding.UCS_2, 2),
        ("ក" * 135, Encoding.UCS_2, 3),
        ("😀" * 35, Encoding.UCS_2, 1),
        ("😀" * 36, Encoding.UCS_2, 2),
        ("😀" * 67, Encoding.UCS_2, 3),  # 33 whole pairs a part, the 67th unit stays free
    ],
)
def test_a_text_takes_the_parts_of_the_standard(text, encoding, parts):
    """160/153 septets and 70/67 units; nothing that takes two is cut in two."""
    result = split(text)
    assert (result.encoding, len(result)) == (encoding, parts)


def test_khmer_is_never_cut_inside_a_sign():
    """A consonant stays with its subscripts, vowels and marks, whatever the offset of the cut."""
    signs = set(clusters(KHMER * 12))
    for offset in range(70):
        text = "ក" * offset + KHMER * 12
        for part in split(text).texts:
            assert set(clusters(part)) <= signs | {"ក"}


def test_a_khmer_syllable_is_one_sign():
    """What a reader sees as one sign is one cluster: base, coeng and consonant, vowel, mark."""
    assert list(clusters("ស្ត្រី")) == ["ស្ត្រី"]
    assert list(clusters("ខ្ញុំ")) == ["ខ្ញុំ"]
    assert list(clusters("វេទិកា")) == ["វេ", "ទិ", "កា"]


@pytest.mark.parametrize(
    "sign",
    ["👩‍👩‍👧", "👍🏽", "🇰🇭", "é", "\r\n", "❤️"],
    ids=["family", "thumb", "flag", "accent", "crlf", "heart"],
)
def test_a_composed_sign_is_one(sign):
    """Joined emoji, skin tones, flags, combining accents and line ends are not torn."""
    assert list(clusters(sign * 2)) == [sign, sign]


@given(st.text(max_size=500))
def test_parts_put_together_are_the_text_and_each_fits(text):
    """Nothing is lost, nothing is added, no part is too long, whatever the text."""
    parts = split(text)
    assert "".join(parts.texts) == text
    limits = LIMITS[parts.encoding]
    limit = limits.alone if len(parts) == 1 else limits.joined
    assert all(units(part, encoding=parts.encoding) <= limit for part in parts.texts)


@given(st.text(alphabet=KHMER + "abc …€😀", max_size=200), st.integers(min_value=4, max_value=100))
def test_a_shortened_text_fits_and_ends_between_signs(text, limit):
    """At most the limit, and what is kept is a beginning of the text made of whole signs."""
    short = shorten(text, limit=limit)
    assert units(short, encoding=Encoding.UCS_2) <= limit
    if short != text:
        ellipsis = "..." if short.endswith("...") else "…"
        kept = short.removesuffix(ellipsis)
        whole = list(clusters(text))
        assert any(kept == "".join(whole[:count]) for count in range(len(whole) + 1)) or kept.strip() == ""


def test_a_limit_without_room_is_refused():
    """There is no sensible text of one character and an ellipsis in three."""
    with pytest.raises(RuleError):
        shorten("abcdefgh", limit=3)


def test_typographic_signs_do_not_make_a_latin_text_expensive():
    """Curly quotes and dashes become plain ones, so that the text stays 7-bit."""
    text = without_typography("“Women\u2019s councils” \u2013 2026…")
    assert text == '"Women\'s councils" - 2026...'
    assert encoding_of(text) is Encoding.GSM_7BIT

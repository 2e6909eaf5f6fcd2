"""Logs tell what happened and never whom it happened to."""

import io
import json
import logging

import pytest

from vetika_kit.logs import JsonFormatter, bound, configure_logging, redacted


@pytest.fixture
def lines(request):
    """Logs made by a block: `lines(lambda logger: …)` returns them parsed."""

    def collect(act) -> list[dict]:
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(JsonFormatter(service="tiny", process="api"))
        logger = logging.getLogger(f"test.{request.node.name}")
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        act(logger)
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    return collect


@pytest.mark.parametrize(
    "text",
    [
        "mail to sok.dara+forum@example.com.kh failed",
        "សូមទាក់ទងsok@example.comអរគុណ",
        "អ៊ីមែល៖ សុខ@ឧទាហរណ៍.ខ្មែរ",
        "GET /people/sok%40example.com",
        "<sok@example.com>",
        "mongodb://user:secret@host:27017",
        "tel:+85512345678",
        "+855 12 345 678",
        "+855-12-345-678",
        "(+855) 12 345 678",
        "00855 12 345 678",
        "85512345678",
        "012 345 678",
        "012345678",
        "012-345-678",
        "012.345.678",
        "(012) 345 678",
        "0123456789",
        "លេខ០១២៣៤៥៦៧៨សូម",
        "ទូរស័ព្ទ ០១២ ៣៤៥ ៦៧៨",
        "+៨៥៥ ១២ ៣៤៥ ៦៧៨",
        "លេខទូរស័ព្ទ012345678របស់ខ្ញុំ",
        "+33 1 23 45 67 89",
        "to%3A+85512345678",
        "phone=012345678,",
        "{'phone': '+85512345678'}",
    ],
)
def test_contact_data_is_taken_out_of_a_message(text):
    """Mail addresses and phone numbers, in either script and however they are written."""
    found = redacted(text)
    assert "[redacted]" in found
    for part in ("example", "ឧទាហរណ៍", "345", "៣៤៥", "secret", "45 67", "12345"):
        assert part not in found, found


@pytest.mark.parametrize(
    "text",
    [
        "0193a5b2-7c1e-7012-8345-678901234567",
        "letter t3f9a1c.registration.events.v1/3/1234567 failed",
        "trace 0af7651916cd43dd8448eb211c80319c",
        "at 2026-03-01T09:00:00.123+07:00 and 2026-03-01",
        "took 0.12345678 s, lag 0",
        "12 of 260 rows in 1500 ms",
        "127.0.0.1:29017 answered",
        "offset 123456789012",
        "POST /v1/forums/<forum_id>/registrations",
    ],
)
def test_what_looks_like_a_number_but_is_none_stays(text):
    """Ids, times, counts and offsets are what logs are for."""
    assert redacted(text) == text


def test_extras_are_cleaned_deep_down(lines):
    """By name where the name says it, by content everywhere else."""
    [line] = lines(
        lambda logger: logger.info(
            "sent to %s",
            "sok@example.com",
            extra={
                "email": "x",
                "given_name": "សុខ",
                "attempt": 2,
                "nothing": None,
                "nested": {"phone": "1", "note": "call 012345678", "list": ["+85512345678", 7]},
                "thing": ValueError("sok@example.com"),
            },
        )
    )
    assert line["message"] == "sent to [redacted]"
    assert (line["email"], line["given_name"]) == ("[redacted]", "[redacted]")
    assert (line["attempt"], line["nothing"]) == (2, None)
    assert line["nested"] == {"phone": "[redacted]", "note": "call [redacted]", "list": ["[redacted]", 7]}
    assert line["thing"] == "[redacted]"


def test_a_traceback_is_kept_without_the_data_in_it(lines):
    """The stack helps; the duplicate key that MongoDB quotes does not leave."""

    def fail(logger: logging.Logger) -> None:
        try:
            int('E11000 dup key: { email: "sok@example.com", phone: "+85512345678" }')
        except ValueError:
            logger.exception("cannot store")

    [line] = lines(fail)
    assert "Traceback" in line["exception"]
    assert "test_logs.py" in line["exception"]
    assert "sok" not in line["exception"]
    assert "345678" not in line["exception"]


def test_a_line_says_where_it_comes_from(lines):
    """Time, level, logger, service, process and what was bound around it."""

    def act(logger: logging.Logger) -> None:
        with bound(request_id="r-1"), bound(event_id="e-1"):
            logger.warning("inside")
        logger.info("outside")

    inside, outside = lines(act)
    assert inside["level"] == "WARNING"
    assert (inside["service"], inside["process"]) == ("tiny", "api")
    assert (inside["request_id"], inside["event_id"]) == ("r-1", "e-1")
    assert inside["time"].endswith("Z")
    assert "request_id" not in outside


def test_an_extra_cannot_forge_a_field(lines):
    """What a caller passes never replaces what the formatter knows."""
    [line] = lines(lambda logger: logger.info("m", extra={"service": "other", "level": "NONE"}))
    assert (line["service"], line["level"]) == ("tiny", "INFO")


def test_a_message_with_line_breaks_stays_one_line(lines):
    """Nobody writes a log line of their own through a field."""
    [line] = lines(lambda logger: logger.info('a\n{"level": "ERROR"}'))
    assert line["message"] == 'a\n{"level": "ERROR"}'


def test_configuring_sends_everything_through_one_handler():
    """Libraries log through the same formatter, and their chatter is left out."""
    root = logging.getLogger()
    former, level = root.handlers[:], root.level
    stream = io.StringIO()
    try:
        configure_logging(service="tiny", process="api", level="INFO", stream=stream)
        logging.getLogger("some.library").info("hello")
        logging.getLogger("kafka.client").info("heartbeat")
    finally:
        root.handlers[:] = former
        root.setLevel(level)
        logging.captureWarnings(capture=False)
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["hello"]

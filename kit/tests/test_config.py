"""Settings."""

from dataclasses import dataclass

import pytest

from vetika_kit.config import ConfigurationError, ServiceConfig, described, load, positive, setting

GIVEN = {
    "VETIKA_MONGODB_URI": "mongodb://h/",
    "VETIKA_KAFKA_BOOTSTRAP": "a:1, b:2",
    "VETIKA_JWKS_FILE": "jwks.json",
}


def test_settings_are_read_from_the_environment_with_their_defaults():
    """What is given is parsed, what is not given has its default."""
    config = load(ServiceConfig, GIVEN)
    assert config.kafka_bootstrap == ("a:1", "b:2")
    assert config.coalition == "dfwg"


def test_everything_that_is_missing_or_wrong_is_named_at_once():
    """An operator mends one environment once."""
    with pytest.raises(ConfigurationError) as caught:
        load(
            ServiceConfig,
            {"VETIKA_HTTP_PORT": "http", "VETIKA_COALITION": "No Name", "VETIKA_JWKS_FILE": "x"},
        )
    for variable in ("VETIKA_MONGODB_URI", "VETIKA_KAFKA_BOOTSTRAP", "VETIKA_HTTP_PORT", "VETIKA_COALITION"):
        assert variable in str(caught.value)


def test_a_secret_can_come_from_a_file_and_is_never_shown(tmp_path):
    """Neither the repr nor the operator's list holds it."""
    (tmp_path / "uri").write_text("mongodb://user:hidden@h/\n")
    environ = {name: value for name, value in GIVEN.items() if name != "VETIKA_MONGODB_URI"}
    config = load(ServiceConfig, {**environ, "VETIKA_MONGODB_URI_FILE": str(tmp_path / "uri")})
    assert config.mongodb_uri == "mongodb://user:hidden@h/"
    assert "hidden" not in repr(config)
    rows = {row["name"]: row["value"] for row in described(config)}
    assert rows["mongodb_uri"] == "set"
    assert rows["kafka_password"] == "unset"


def test_a_value_and_a_file_for_the_same_setting_are_refused(tmp_path):
    """Nobody has to guess which one counts."""
    with pytest.raises(ConfigurationError, match="VETIKA_JWKS_FILE_FILE"):
        load(ServiceConfig, {**GIVEN, "VETIKA_JWKS_FILE_FILE": str(tmp_path / "x")})


def test_a_rule_between_settings_is_reported_like_any_other():
    """A dataclass may refuse a combination."""

    @dataclass(frozen=True, kw_only=True)
    class Picky(ServiceConfig):
        least: float = setting("VETIKA_LEAST", default=2.0, parse=positive, doc="Least.")
        most: float = setting("VETIKA_MOST", default=1.0, parse=positive, doc="Most.")

        def __post_init__(self):
            if self.least > self.most:
                raise ValueError("VETIKA_LEAST is more than VETIKA_MOST")

    with pytest.raises(ConfigurationError, match="VETIKA_LEAST is more"):
        load(Picky, GIVEN)

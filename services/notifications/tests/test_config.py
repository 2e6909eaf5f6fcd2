"""Settings that do not go together."""

import pytest

from notifications.config import NotificationsConfig, Tls
from vetika_kit.config import ConfigurationError, described, load

NEEDED = {
    "VETIKA_MONGODB_URI": "mongodb://127.0.0.1",
    "VETIKA_KAFKA_BOOTSTRAP": "127.0.0.1:9092",
    "VETIKA_JWKS_FILE": "jwks.json",
}
LOGIN = {"VETIKA_SMTP_USERNAME": "u", "VETIKA_SMTP_PASSWORD": "secret-password"}
SMS = {"VETIKA_SMS_ACCOUNT": "a", "VETIKA_SMS_TOKEN": "secret-token", "VETIKA_SMS_FROM": "+85512000000"}


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (LOGIN, "VETIKA_SMTP_TLS"),
        ({"VETIKA_SMTP_USERNAME": "u", "VETIKA_SMTP_TLS": "starttls"}, "go together"),
        ({"VETIKA_SMS_URL": "https://sms.example"}, "VETIKA_SMS_ACCOUNT"),
        ({"VETIKA_SMS_URL": "http://sms.example", **SMS}, "https"),
        ({"VETIKA_SMTP_FROM": "nobody"}, "e-mail address"),
        ({"VETIKA_SMTP_FROM": "a@b.example\nBcc: c@d.example"}, "e-mail address"),
        ({"VETIKA_SMTP_FROM_NAME": "two\nlines"}, "one line"),
        ({"VETIKA_SMTP_TLS": "perhaps"}, "VETIKA_SMTP_TLS"),
        ({"VETIKA_REGISTRATION_URL": "javascript:alert(1)"}, "http"),
        ({"VETIKA_SENDER_LEASE": "60"}, "VETIKA_SENDER_LEASE"),
        ({"VETIKA_RETRY_ATTEMPTS": "0"}, "VETIKA_RETRY_ATTEMPTS"),
    ],
)
def test_what_would_go_wrong_later_is_refused_at_the_start(settings, complaint):
    """A process that cannot do its work safely does not start, and says which setting is to blame."""
    with pytest.raises(ConfigurationError, match=complaint):
        load(NotificationsConfig, {**NEEDED, **settings})


def test_an_embedded_run_may_log_in_without_tls():
    """There the server is on the same machine."""
    config = load(NotificationsConfig, {**NEEDED, **LOGIN, "VETIKA_MODE": "embedded"})
    assert config.smtp_tls is Tls.NONE


def test_a_try_out_s_phone_in_the_own_network_needs_no_tls():
    """A host name without a dot is a container beside, which nobody outside can stand in for."""
    assert load(NotificationsConfig, {**NEEDED, **SMS, "VETIKA_SMS_URL": "http://phone:8000"}).sms_url


def test_secrets_are_not_shown():
    """Neither an operator's list of settings nor the repr tells a password or a token."""
    settings = {
        **NEEDED,
        **LOGIN,
        **SMS,
        "VETIKA_SMTP_TLS": "implicit",
        "VETIKA_SMS_URL": "https://s.example",
    }
    config = load(NotificationsConfig, settings)
    shown = f"{described(config)} {config!r}"
    assert "secret-" not in shown

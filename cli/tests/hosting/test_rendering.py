"""Folders of organizations and partners: whole, apart from each other, and the same when made again."""

import json
import os
import stat
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from vetika_cli.errors import UserError
from vetika_cli.hosting import scram
from vetika_cli.hosting.rendering import Renewal, Step

ORGANIZATIONS = ("secretariat", "advocacy-network")
EVERYBODY = (*ORGANIZATIONS, "coalition", "partners/policy-observatory", "partners/university")


def read(path):
    """The text of a file."""
    return path.read_text("utf-8")


def test_rendering_twice_changes_nothing(document, render):
    """Passwords, keys and certificates that are there stay."""
    assert render(document).changes
    assert render(document).changes == []


def test_no_secret_of_one_is_in_the_folder_of_another(document, render, folder, secrets_of):
    """Every file of every folder is searched for every secret value of all others."""
    render(document)
    for owner in EVERYBODY:
        values = secrets_of(owner)
        assert values
        for other in EVERYBODY:
            if other == owner:
                continue
            for path in (folder / other).rglob("*"):
                if path.is_file():
                    text = path.read_text("utf-8")
                    held = [secret for secret, value in values.items() if value in text]
                    assert not held, f"{path} holds {held}"


def test_kafka_s_host_can_recognize_everybody_and_knows_no_password_but_its_own(document, render, folder):
    """It has a verifier of each user, which belongs to the password in that user's own folder."""
    render(document)
    verifiers = scram.from_json(read(folder / "secretariat/secrets/kafka/verifiers.json"))
    passwords = {
        "dfwg.secretariat.kafka": "secretariat/secrets/kafka/password",
        "dfwg.secretariat.registration": "secretariat/secrets/registration/kafka-password",
        "dfwg.secretariat.meetings": "secretariat/secrets/meetings/kafka-password",
        "dfwg.advocacy-network.notifications": "advocacy-network/secrets/notifications/kafka-password",
        "dfwg.advocacy-network.recommendations": "advocacy-network/secrets/recommendations/kafka-password",
        "dfwg.partners.policy-observatory": "partners/policy-observatory/password",
        "dfwg.partners.university": "partners/university/password",
    }
    assert set(verifiers) == set(passwords)
    for user, path in passwords.items():
        assert verifiers[user].belongs_to(read(folder / path).strip())


def test_only_registration_s_host_can_sign_tokens_and_all_check_them_with_one_key(document, render, folder):
    """The private key lies once, the public keys everywhere."""
    render(document)
    assert [path.parts[-4] for path in folder.glob("*/secrets/tokens/signing-key.json")] == ["secretariat"]
    sets = {read(path) for path in folder.glob("*/secrets/tokens/jwks.json")}
    assert len(sets) == 1
    assert '"d"' not in sets.pop()


def test_the_authority_s_key_is_in_no_organization_s_folder(document, render, folder):
    """Whoever has it could pretend to be any server."""
    render(document)
    assert [path.parent.parent.name for path in folder.rglob("authority-*.key")] == ["coalition"]


def test_folders_are_closed_and_what_containers_read_is_readable(document, render, folder):
    """A container's user is another than the host's: the folder protects, not the file."""
    render(document)
    for name in (*ORGANIZATIONS, "coalition", "partners"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o700
    for path in (folder / "advocacy-network/secrets").rglob("*"):
        assert os.access(path, os.R_OK)
        assert path.stat().st_mode & stat.S_IROTH
    for path in ("coalition/authority/authority-1.key", "partners/university/password"):
        assert stat.S_IMODE((folder / path).stat().st_mode) == 0o600


def test_each_runs_what_it_hosts(document, render, folder):
    """Kafka and its jobs at one, no service at two, and nobody builds images."""
    render(document)
    of = {name: yaml.safe_load(read(folder / name / "compose.yml")) for name in ORGANIZATIONS}
    services = {name: set(one["services"]) for name, one in of.items()}
    assert {
        "kafka",
        "kafka-rights",
        "topics",
        "registration-relay",
        "meetings-mongodb",
        "gateway",
    } <= services["secretariat"]
    assert {"notifications-sender", "recommendations-api", "gateway"} <= services["advocacy-network"]
    both = services["secretariat"] & services["advocacy-network"]
    assert not [
        name
        for name in both
        if name.partition("-")[0] in ("registration", "meetings", "notifications", "kafka")
    ]
    assert not {"kafka", "topics", "mailbox", "phone"} & services["advocacy-network"]
    for one in of.values():
        assert not any("build" in service for service in one["services"].values())


def test_every_process_signs_in_as_itself(document, render, folder):
    """Over TLS; who does not speak with Kafka gets no password."""
    render(document)
    compose = yaml.safe_load(read(folder / "advocacy-network/compose.yml"))["services"]
    for name in ("notifications-api", "notifications-relay", "notifications-worker"):
        environment = compose[name]["environment"]
        assert environment["VETIKA_KAFKA_SECURITY_PROTOCOL"] == "SASL_SSL"
        assert environment["VETIKA_KAFKA_USERNAME"] == "dfwg.advocacy-network.notifications"
        assert environment["VETIKA_KAFKA_BOOTSTRAP"] == "kafka.secretariat.example:9093"
        assert {"source": "notifications-kafka-password", "target": "kafka-password"} in compose[name][
            "secrets"
        ]
    assert not [one for one in compose["notifications-sender"]["secrets"] if "kafka" in str(one)]


def test_a_change_shows_which_files_and_which_lines(document, render):
    """And never a secret."""
    render(document)
    document["organizations"][0]["address"] = "vetika.secretariat.example"
    shown = [line for change in render(document).changes for line in change.lines()]
    assert "changed  secretariat/.env" in shown
    assert "    +VETIKA_URL='https://vetika.secretariat.example'" in shown
    assert "changed  secretariat/secrets/gateway/certificate-key.pem (secret, not shown)" in shown
    assert not [line for line in shown if "PRIVATE KEY" in line]


def test_looking_changes_nothing(document, render, folder):
    """Not even the authority is made."""
    assert render(document, write=False).changes
    assert not folder.exists()


def test_a_rotation_changes_one_password_and_what_kafka_knows_of_it(document, render, folder):
    """Nobody else is touched, nor any other verifier."""
    render(document)
    before = scram.from_json(read(folder / "secretariat/secrets/kafka/verifiers.json"))
    user = "dfwg.advocacy-network.notifications"
    assert render(document, renewal=Renewal(users=frozenset([user]))).paths == {
        "advocacy-network/secrets/notifications/kafka-password",
        "secretariat/secrets/kafka/verifiers.json",
    }
    after = scram.from_json(read(folder / "secretariat/secrets/kafka/verifiers.json"))
    assert {one for one in after if after[one] != before[one]} == {user}
    assert after[user].belongs_to(
        read(folder / "advocacy-network/secrets/notifications/kafka-password").strip()
    )


def test_a_password_that_was_handed_over_may_be_removed(document, render, folder):
    """Kafka knows it, so none is made anew; a rotation makes one again."""
    render(document)
    password = folder / "partners/university/password"
    password.unlink()
    assert render(document).changes == []
    render(document, renewal=Renewal(users=frozenset(["dfwg.partners.university"])))
    assert password.exists()


def test_a_renewal_changes_certificates_and_keys_alone(document, render):
    """The authority stays, and so what everybody trusts."""
    render(document)
    assert render(document, renewal=Renewal(certificates=True)).paths == {
        "secretariat/secrets/kafka/keystore.pem",
        *(
            f"{name}/secrets/gateway/{file}.pem"
            for name in ORGANIZATIONS
            for file in ("certificate", "certificate-key")
        ),
    }


def test_a_new_authority_is_trusted_by_all_before_it_signs(document, render, folder):
    """prepare, switch, retire; the former key is gone at the end."""
    render(document)
    trusting = {f"{name}/kafka-ca.pem" for name in ORGANIZATIONS} | {
        "partners/university/ca.pem",
        "partners/policy-observatory/ca.pem",
    }
    prepared = render(document, renewal=Renewal(authority=Step.PREPARE)).paths
    assert trusting <= prepared
    assert not [path for path in prepared if "secrets" in path]
    switched = render(document, renewal=Renewal(authority=Step.SWITCH)).paths
    assert "secretariat/secrets/kafka/keystore.pem" in switched
    assert not trusting & switched
    assert trusting <= render(document, renewal=Renewal(authority=Step.RETIRE)).paths
    assert [path.name for path in (folder / "coalition/authority").glob("*.key")] == ["authority-2.key"]
    assert render(document).changes == []


def test_a_certificate_that_ends_soon_is_said(document, render):
    """In time to hand the new one out."""
    render(document, now=datetime.now(UTC) - timedelta(days=380))
    assert [note for note in render(document).notes if "keystore.pem ends on" in note]


def test_what_a_removed_partner_had_goes_away(document, render, folder):
    """Its folder and its verifier; its rights end when Kafka's host applies the file."""
    render(document)
    del document["partners"][0]
    render(document)
    assert not (folder / "partners/policy-observatory").exists()
    users = scram.from_json(read(folder / "secretariat/secrets/kafka/verifiers.json"))
    assert "dfwg.partners.policy-observatory" not in users
    assert "policy-observatory" not in read(folder / "secretariat/kafka/rights.yml")


def test_a_service_that_moves_gets_another_user_and_the_former_is_revoked(document, render, folder):
    """The new host cannot be mistaken for the old one."""
    render(document)
    document["organizations"][1]["services"].remove("notifications")
    document["organizations"][0]["services"].append("notifications")
    rendered = render(document)
    rights = yaml.safe_load(read(folder / "secretariat/kafka/rights.yml"))["users"]
    assert "dfwg.secretariat.notifications" in rights
    assert "dfwg.advocacy-network.notifications" not in rights
    assert [note for note in rendered.notes if "secrets/notifications is not used any more" in note]


def test_when_registration_moves_its_own_secrets_move_with_it(document, render, folder, secrets_of):
    """Links that were sent and tokens stay good, people keep their ids; the former host has none of it."""
    render(document)
    manage = read(folder / "secretariat/secrets/registration/manage-secret")
    signing = read(folder / "secretariat/secrets/tokens/signing-key.json")
    keys = read(folder / "secretariat/secrets/tokens/jwks.json")
    document["organizations"][0]["services"].remove("registration")
    document["organizations"][1]["services"].append("registration")
    render(document)
    assert read(folder / "advocacy-network/secrets/registration/manage-secret") == manage
    assert read(folder / "advocacy-network/secrets/tokens/signing-key.json") == signing
    assert json.loads(read(folder / "advocacy-network/secrets/tokens/jwks.json")) == json.loads(keys)
    assert manage not in secrets_of("secretariat").values()
    assert signing not in secrets_of("secretariat").values()
    assert render(document).changes == []


def test_when_kafka_moves_everybody_keeps_their_passwords(document, render, folder):
    """The verifiers go to the new host; only its administrator is new."""
    render(document)
    before = scram.from_json(read(folder / "secretariat/secrets/kafka/verifiers.json"))
    document["kafka"] = {"hosted_by": "advocacy-network", "addresses": ["kafka.advocacy.example:9093"]}
    rendered = render(document)
    assert [note for note in rendered.notes if "secretariat/secrets/kafka is not used any more" in note]
    after = scram.from_json(read(folder / "advocacy-network/secrets/kafka/verifiers.json"))
    assert set(after) - set(before) == {"dfwg.advocacy-network.kafka"}
    assert all(after[user] == before[user] for user in set(after) & set(before))
    assert not (folder / "secretariat/secrets/kafka/verifiers.json").exists()
    assert not (folder / "secretariat/kafka").exists()
    assert render(document).changes == []


def test_an_external_kafka_s_rights_lie_with_the_coordinator(document, render, folder):
    """Nobody runs Kafka then, and everybody is told where it is."""
    document["kafka"] = {
        "hosted_by": "external",
        "addresses": ["a.kafka.example:9093", "b.kafka.example:9093"],
    }
    render(document)
    assert (folder / "coalition/kafka/rights.yml").exists()
    assert (folder / "coalition/secrets/kafka/verifiers.json").exists()
    for name in ORGANIZATIONS:
        compose = yaml.safe_load(read(folder / name / "compose.yml"))["services"]
        assert not {"kafka", "topics", "kafka-rights"} & set(compose)
        assert "VETIKA_KAFKA_CA_FILE" not in compose["gateway"]["environment"]
    relay = yaml.safe_load(read(folder / "secretariat/compose.yml"))["services"]["meetings-relay"]
    assert relay["environment"]["VETIKA_KAFKA_BOOTSTRAP"] == "a.kafka.example:9093,b.kafka.example:9093"
    assert "VETIKA_KAFKA_CA_FILE" not in relay["environment"]
    assert "ssl_cafile" not in read(folder / "partners/university/README.md")


def test_own_certificates_have_places_that_are_said_clearly(document, render, folder, tmp_path):
    """None is made, what is put there stays, and everybody trusts the authority that the file names."""
    (tmp_path / "ours.pem").write_text("an authority\n")
    document["kafka"]["ca"] = "ours.pem"
    document["organizations"][0]["certificates"] = "own"
    rendered = render(document)
    assert not (folder / "secretariat/secrets/kafka/keystore.pem").exists()
    assert len([note for note in rendered.notes if note.startswith("secretariat brings secrets/")]) == 2
    page = read(folder / "secretariat/README.md")
    assert "secrets/kafka/keystore.pem" in page
    assert "secrets/gateway/certificate-key.pem" in page
    assert read(folder / "advocacy-network/kafka-ca.pem") == "an authority\n"
    (folder / "secretariat/secrets/kafka/keystore.pem").write_text("their own\n")
    assert render(document, renewal=Renewal(certificates=True)).paths == {
        f"advocacy-network/secrets/gateway/{file}.pem" for file in ("certificate", "certificate-key")
    }


def test_a_folder_of_nobody_is_said_and_left_alone(document, render, folder):
    """An organization that left may still be running."""
    render(document)
    (folder / "somebody").mkdir()
    assert [note for note in render(document).notes if "somebody belongs to nobody" in note]
    assert (folder / "somebody").exists()


def test_a_try_out_shows_its_mails_and_needs_no_certificate(document, render, folder):
    """Mailbox and telephone beside notifications, and plain HTTP on this machine."""
    document["organizations"][1]["sandbox"] = True
    render(document)
    compose = yaml.safe_load(read(folder / "advocacy-network/compose.yml"))
    assert {"mailbox", "phone"} <= set(compose["services"])
    assert "VETIKA_URL='http://vetika.advocacy.example:8080'" in read(folder / "advocacy-network/.env")
    assert not (folder / "advocacy-network/secrets/gateway").exists()


def test_a_verifier_file_that_cannot_be_read_stops_everything(document, render, folder):
    """Else every handed-over password would silently be replaced."""
    render(document)
    (folder / "secretariat/secrets/kafka/verifiers.json").write_text("{")
    with pytest.raises(UserError, match=r"verifiers\.json cannot be read"):
        render(document)

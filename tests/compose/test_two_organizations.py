"""Two organizations, each in containers and networks of its own, with nothing but Kafka between them."""

import re
import secrets
import subprocess
from pathlib import Path

import pytest
import yaml
from containers.mailpit import Mailpit
from containers.organization import HostingOrganization
from outside.office import Office
from outside.people import People

from vetika_cli.caller import Caller
from vetika_cli.keys import private_key, signed
from vetika_cli.main import main
from vetika_cli.places import checkout
from vetika_cli.ports import free_port

pytestmark = pytest.mark.slow

EXAMPLE = checkout() / "deploy" / "hosting" / "hosting.yml"
KAFKA = "kafka.secretariat.example"

# Kafka's host publishes its port to the world; here the world is one network that nobody else of A is on.
OF_THE_SECRETARIAT = f"""\
services:
  kafka:
    networks: {{between: {{aliases: [{KAFKA}]}}}}
networks:
  between: {{external: true, name: NETWORK}}
"""
OF_THE_OTHER = """\
networks:
  stream: {external: true, name: NETWORK}
"""
WRITE = """\
from vetika_kit.config import KafkaConfig, load
from vetika_kit.kafka_clients import producer
producer(load(KafkaConfig), client_id="test").send("TOPIC", b"x").get(timeout=20)
"""
UNREACHED = "gaierror|TimeoutError|ConnectionRefusedError|Network is unreachable"
CONNECT = """\
import socket
socket.create_connection(("ADDRESS", 27017), timeout=3).close()
"""


class Coalition:
    """The hosting file, the folders, and who runs."""

    def __init__(self, folder, *, images):
        """Render the example as a try-out on this machine's ports."""
        self.file, self.folder = folder / "hosting.yml", folder / "all"
        self.images, name = images, f"vetika-test-{secrets.token_hex(3)}"
        self.between = f"{name}-between"
        self.ports = {
            name: free_port() for name in ("secretariat", "advocacy-network", "mailbox", "phone", "kafka")
        }
        document = yaml.safe_load(EXAMPLE.read_text("utf-8"))
        for organization in document["organizations"]:
            port = self.ports[organization["name"]]
            organization["sandbox"] = True
            organization["settings"] = {
                "VETIKA_IMAGES": images,
                "VETIKA_BIND": "127.0.0.1",
                "VETIKA_PORT": port,
                "VETIKA_URL": f"http://localhost:{port}",
                "VETIKA_MAILBOX_PORT": self.ports["mailbox"],
                "VETIKA_PHONE_PORT": self.ports["phone"],
                "VETIKA_KAFKA_BIND": "127.0.0.1",
                "VETIKA_KAFKA_PORT": self.ports["kafka"],
            }
        self.hosts = {one: org["name"] for org in document["organizations"] for one in org["services"]}
        self.file.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
        self.vetika("hosting", "render")
        overlays = {"secretariat": OF_THE_SECRETARIAT, "advocacy-network": OF_THE_OTHER}
        for organization, text in overlays.items():
            (folder / f"{organization}.yml").write_text(text.replace("NETWORK", self.between))
        self.secretariat, self.other = (
            HostingOrganization(self.folder / one, project=f"{name}-{one}", overlays=[folder / f"{one}.yml"])
            for one in overlays
        )

    def vetika(self, *arguments):
        """Run a command on this hosting file."""
        assert main([*arguments, "--file", str(self.file), "--to", str(self.folder)]) == 0

    def url(self, service):
        """The public base URL of a service, at its host's gateway."""
        return f"http://localhost:{self.ports[self.hosts[service]]}/{service}"

    def caller(self, *roles):
        """Somebody who calls the services through the gateways of both."""
        if not roles:
            return Caller(self.url)
        key = private_key(self.folder / "secretariat/secrets/tokens/signing-key.json")
        return Caller(self.url, token=signed(key, roles=roles, subject="-".join(roles)))

    def as_partner(self, name, lines, *, seconds):
        """Run lines in a partner's folder, on a machine that reaches Kafka; return status and all that it said."""
        home = self.folder / "partners" / name
        owner = home.stat()
        command = [
            "docker",
            "run",
            "--rm",
            "--network",
            self.between,
            "--user",
            f"{owner.st_uid}:{owner.st_gid}",
        ]
        command += ["-v", f"{home}:/partner:ro", "-w", "/partner", "--entrypoint", "timeout"]
        command += [f"{self.images}/tools:0.1.0", str(seconds), "python", "-c", lines]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 60)
        return done.returncode, done.stdout + done.stderr

    def page(self, name):
        """The lines of a partner's page."""
        text = (self.folder / "partners" / name / "README.md").read_text("utf-8")
        (lines,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        return lines


@pytest.fixture(scope="module")
def coalition(built, tmp_path_factory):
    """Both run and are healthy."""
    coalition = Coalition(
        tmp_path_factory.mktemp("coalition"), images=built.settings.get("VETIKA_IMAGES", "vetika")
    )
    subprocess.run(["docker", "network", "create", coalition.between], check=True, capture_output=True)
    try:
        coalition.secretariat.up()
        coalition.other.up()
        yield coalition
    finally:
        coalition.other.down()
        coalition.secretariat.down()
        subprocess.run(["docker", "network", "rm", coalition.between], check=False, capture_output=True)


@pytest.fixture(scope="module")
def office_of_both(coalition, eventually):
    """The secretariat at work, through both gateways."""
    return Office(secretariat=coalition.caller("secretariat"), eventually=eventually)


@pytest.fixture(scope="module")
def seat(coalition, office_of_both):
    """A member joins, a forum opens and a person registers, all at the secretariat."""
    anybody = coalition.caller()
    applied = anybody.post(
        "registration",
        "/v1/organizations",
        {
            "name": "Khmer Institute of Democracy",
            "acronym": "KID",
            "stakeholder_category": "local_ngo",
            "contact": {"name": "Secretary", "email": "office@kid.example"},
        },
    )
    member = office_of_both.secretariat.post("registration", f"/v1/organizations/{applied['id']}/admission")
    assert member["status"] == "admitted"
    forum = office_of_both.forum(seats=2)
    person = People().new(channels=["email"], language="en")
    receipt = anybody.post("registration", f"/v1/forums/{forum['id']}/registrations", person)
    assert receipt["status"] == "confirmed"
    return {"forum": forum["id"], "email": person["email"]}


def test_who_registers_at_one_is_told_by_the_other(coalition, office_of_both, seat, eventually):
    """The mail lies in the other's mailbox, and its link leads to the first."""
    mailpit = Mailpit(f"http://127.0.0.1:{coalition.ports['mailbox']}")
    (mail,) = eventually(lambda: mailpit.mails(seat["email"]), seconds=60)
    assert f"{coalition.url('registration')}/m/" in mail["Text"]
    secretariat = office_of_both.secretariat
    (delivery,) = eventually(
        lambda: [
            one
            for one in secretariat.get("notifications", "/v1/deliveries")["items"]
            if (one["channel"], one["state"]) == ("email", "sent")
        ],
        seconds=30,
    )
    assert delivery


def test_a_partner_s_lines_show_the_forum(coalition, seat):
    """In the folder that it was given, as they stand."""
    status, said = coalition.as_partner(
        "policy-observatory", coalition.page("policy-observatory"), seconds=20
    )
    assert status == 124  # they would go on
    assert f"forum.announced.v1 {seat['forum']}" in said


def test_a_partner_cannot_read_contacts(coalition, seat):
    """And is told instead of waiting for ever."""
    asked = coalition.page("university").replace(
        "dfwg.registration.events.v1", "dfwg.registration.contacts.v1"
    )
    status, said = coalition.as_partner("university", asked, seconds=60)
    assert status == 1
    assert "dfwg.registration.contacts.v1: not there, or you may not read it" in said


def test_a_partner_comes_and_goes(coalition, seat, capsys):
    """Added, given rights by Kafka's host, reading; removed, and out."""
    coalition.vetika("partner", "add", "press", "--topics", "meetings")
    given = coalition.secretariat.compose("run", "--rm", "-T", "kafka-rights")
    assert "gave      dfwg.partners.press  READ TOPIC dfwg.meetings.events.v1" in given
    lines = coalition.page("press")
    assert seat["forum"] in coalition.as_partner("press", lines, seconds=20)[1]
    kept = coalition.file.parent / "kept"
    (coalition.folder / "partners/press").rename(kept)
    coalition.vetika("partner", "remove", "press")
    taken = coalition.secretariat.compose("run", "--rm", "-T", "kafka-rights")
    assert "removed   user dfwg.partners.press" in taken
    kept.rename(coalition.folder / "partners/press")
    status, said = coalition.as_partner("press", lines, seconds=40)
    assert status != 0
    assert seat["forum"] not in said


@pytest.mark.parametrize(
    "topic",
    ["dfwg.meetings.events.v1", "dfwg.registration.contacts.v1", "dfwg.recommendations.events.v1"],
)
def test_a_service_cannot_write_another_s_topic(coalition, topic):
    """Neither the other organization's nor its own organization's."""
    status, said = coalition.other.python_in("notifications-relay", WRITE.replace("TOPIC", topic))
    assert status == 1
    assert "TopicAuthorizationFailedError" in said


def test_a_service_writes_its_own(coalition):
    """So the refusals above are about the topic, and not about the lines."""
    lines = WRITE.replace('"TOPIC", b"x"', '"dfwg.recommendations.events.v1", key=b"x"')
    assert coalition.other.python_in("recommendations-relay", lines) == (0, "")


@pytest.mark.parametrize("service", ["registration", "meetings"])
def test_nobody_at_the_other_reaches_a_database(coalition, service):
    """Not by name, and not by address; who belongs to it does, by the same lines."""
    (address,) = coalition.secretariat.addresses(f"{service}-mongodb")
    for asked in (f"{service}-mongodb", address):
        lines = CONNECT.replace("ADDRESS", asked)
        assert coalition.secretariat.python_in(f"{service}-worker", lines) == (0, "")
        for process in ("notifications-worker", "recommendations-api"):
            status, said = coalition.other.python_in(process, lines)
            assert status == 1
            assert re.search(UNREACHED, said)


def test_kafka_s_inner_doors_are_closed_to_containers_beside_it(coalition):
    """The broker's own listeners ask for no password, and nobody outside its network namespace reaches them."""
    for address in coalition.secretariat.addresses("kafka"):
        for port in (9094, 9095):
            lines = CONNECT.replace("ADDRESS", address).replace("27017", str(port))
            for organization, process in (
                (coalition.secretariat, "registration-worker"),
                (coalition.other, "notifications-worker"),
            ):
                status, said = organization.python_in(process, lines)
                assert status == 1
                assert re.search(UNREACHED, said)


def test_starting_again_changes_nothing(coalition):
    """The second of the operator's three commands, on what runs already."""
    before = coalition.secretariat.container("kafka")
    coalition.secretariat.up()
    assert coalition.secretariat.container("kafka") == before
    assert "nothing was changed" in coalition.secretariat.compose("logs", "kafka-rights")


def test_no_secret_is_in_an_environment(coalition):
    """Passwords are read from files; what `docker inspect` shows is names of files."""
    values = [
        path.read_text().strip()
        for organization in ("secretariat", "advocacy-network")
        for path in Path(coalition.folder / organization / "secrets").rglob("*")
        if path.is_file()
    ]
    for organization in (coalition.secretariat, coalition.other):
        ids = organization.compose("ps", "-a", "-q").split()
        shown = subprocess.run(["docker", "inspect", *ids], check=True, capture_output=True, text=True).stdout
        assert not [value for value in values if value in shown]

"""Two organizations, each in containers and networks of its own, with nothing but Kafka between them."""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from containers.mailpit import Mailpit
from containers.organization import HostingOrganization
from outside.office import Office
from outside.people import People

from vetika_cli.caller import Caller
from vetika_cli.keys import private_key, signed
from vetika_cli.places import checkout
from vetika_cli.ports import free_port

PAGE = checkout() / "deploy" / "hosting" / "README.md"
BLOCK = re.compile(r"^##+ ([^\n]+)$|^```sh ?([a-z]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLE = checkout() / "deploy" / "hosting" / "hosting.yml"
KAFKA = "kafka.secretariat.example"

# Kafka's host publishes its port to the world; here the world is one network that nobody else of A is on.
OVERRIDES = {
    "secretariat": f"""\
services:
  kafka:
    networks: {{between: {{aliases: [{KAFKA}]}}}}
networks:
  between: {{external: true, name: NETWORK}}
""",
    "advocacy-network": """\
networks:
  stream: {external: true, name: NETWORK}
""",
}
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


def _blocks():
    """Each block of commands of the page: its section, what stands behind `sh`, and the commands."""
    section = ""
    for found in BLOCK.finditer(PAGE.read_text("utf-8")):
        section = found.group(1) or section
        if found.group(3):
            yield section, found.group(2), found.group(3)


BLOCKS = list(_blocks())


class Coalition:
    """The hosting file, the folders, and who runs; its coordinator and operators type what the page says."""

    def __init__(self, folder, *, images):
        """Make a try-out of the example, on this machine's ports."""
        self.name = f"t{secrets.token_hex(3)}"
        self.images, self.between, self._home = images, f"vetika-{self.name}-between", folder
        self.file, self.folder = folder / "hosting.yml", folder / "hosting"
        self.ports = {one: free_port() for one in (*OVERRIDES, "mailbox", "phone", "kafka")}
        self.document = yaml.safe_load(EXAMPLE.read_text("utf-8"))
        self.document["coalition"] = self.name
        for organization in self.document["organizations"]:
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
        self.secretariat, self.other = (HostingOrganization(self.folder / one) for one in OVERRIDES)
        self.save()

    def save(self):
        """Write the hosting file as the document is."""
        self.file.write_text(yaml.safe_dump(self.document, sort_keys=False), "utf-8")

    def types(self, section, fence="", number=0):
        """Type a block of the page, in a shell; return what was printed."""
        blocks = [text for place, how, text in BLOCKS if (place, how) == (section, fence)]
        commands = blocks[number].replace("./vetika", "vetika").replace("dfwg.", f"{self.name}.")
        own = f'vetika() {{ {sys.executable} -m vetika_cli "$@" --file {self.file} --to {self.folder}; }}'
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VETIKA_")}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{own}\n{commands}"],
            cwd=self._home,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
        return done.stdout

    def place_overrides(self):
        """Put what is these machines' own beside what was rendered."""
        for organization, text in OVERRIDES.items():
            path = self.folder / organization / "compose.override.yml"
            path.write_text(text.replace("NETWORK", self.between), "utf-8")

    @property
    def hosts(self):
        """Who runs each service."""
        return {one: org["name"] for org in self.document["organizations"] for one in org["services"]}

    def url(self, service):
        """The public base URL of a service, at its host's gateway."""
        return f"http://localhost:{self.ports[self.hosts[service]]}/{service}"

    def caller(self, *roles):
        """Somebody who calls the services through the gateways of both."""
        if not roles:
            return Caller(self.url)
        key = private_key(self.folder / "secretariat/secrets/tokens/signing-key.json")
        return Caller(self.url, token=signed(key, roles=roles, subject="-".join(roles)))

    def as_partner(self, name, lines, *, until=None):
        """Run lines in a partner's folder, where Kafka can be reached, until they end or say something.

        Returns:
            Their status, None when they would have gone on; and all that they said.
        """
        home, container = self.folder / "partners" / name, f"{self.between}-{name}"
        owner = home.stat()
        command = ["docker", "run", "--rm", "--name", container, "--network", self.between]
        command += ["--user", f"{owner.st_uid}:{owner.st_gid}", "-v", f"{home}:/partner:ro", "-w", "/partner"]
        command += ["--entrypoint", "timeout", f"{self.images}/tools:0.1.0", "90", "python", "-c", lines]
        said = ""
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as running:
            for line in running.stdout:
                said += line
                if until is not None and until in said:
                    subprocess.run(["docker", "rm", "-f", container], check=True, capture_output=True)
                    return None, said
        return running.returncode, said

    def page(self, name):
        """The lines of a partner's page."""
        text = (self.folder / "partners" / name / "README.md").read_text("utf-8")
        (lines,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        return lines


@pytest.fixture(scope="module")
def coalition(built, tmp_path_factory):
    """Both run and are healthy, as the page's commands left them."""
    coalition = Coalition(
        tmp_path_factory.mktemp("coalition"), images=built.settings.get("VETIKA_IMAGES", "vetika")
    )
    coalition.types("Rendering")
    coalition.place_overrides()
    subprocess.run(["docker", "network", "create", coalition.between], check=True, capture_output=True)
    try:
        for number in range(2):
            coalition.types("Starting", number=number)
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
def forum(coalition, office_of_both):
    """A member joins and a forum opens, at the secretariat."""
    applied = coalition.caller().post(
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
    return office_of_both.forum(seats=20)["id"]


@pytest.fixture
def somebody_is_told(coalition, forum, eventually):
    """`somebody_is_told()`: a person registers at the secretariat, and the other sends the mail."""

    def somebody_is_told():
        person = People().new(channels=["email"], language="en")
        path = f"/v1/forums/{forum}/registrations"
        assert coalition.caller().post("registration", path, person)["status"] == "confirmed"
        mailpit = Mailpit(f"http://127.0.0.1:{coalition.ports['mailbox']}")
        (mail,) = eventually(lambda: mailpit.mails(person["email"]), seconds=60)
        assert f"{coalition.url('registration')}/m/" in mail["Text"]

    return somebody_is_told


def test_who_registers_at_one_is_told_by_the_other(somebody_is_told, office_of_both, eventually):
    """The mail lies in the other's mailbox, its link leads to the first, and the other's API knows of it."""
    somebody_is_told()
    eventually(
        lambda: (
            [
                one["state"]
                for one in office_of_both.secretariat.get("notifications", "/v1/deliveries")["items"]
            ]
            == ["sent"]
        ),
        seconds=30,
    )


def test_a_partner_s_lines_show_the_forum(coalition, forum):
    """In the folder that it was given, as they stand."""
    lines = coalition.page("policy-observatory")
    status, said = coalition.as_partner("policy-observatory", lines, until=forum)
    assert status is None
    assert f"forum.announced.v1 {forum}" in said


def test_a_partner_cannot_read_contacts(coalition, forum):
    """And is told instead of waiting for ever."""
    contacts = f"{coalition.name}.registration.contacts.v1"
    asked = coalition.page("university").replace(f"{coalition.name}.registration.events.v1", contacts)
    status, said = coalition.as_partner("university", asked)
    assert status == 1
    assert f"{contacts}: not there, or you may not read it" in said


def test_a_partner_comes_and_goes(coalition, forum):
    """Added, given rights by Kafka's host, reading; removed, and out although it kept its folder."""
    user = f"{coalition.name}.partners.press"
    assert f"gave      {user}  READ TOPIC {coalition.name}.meetings.events.v1" in coalition.types("A partner")
    lines = coalition.page("press")
    assert forum in coalition.as_partner("press", lines, until=forum)[1]
    given = coalition.folder / "partners/press"
    kept = given.rename(coalition.file.parent / "kept")
    assert f"removed   user {user}" in coalition.types("A partner", number=1)
    kept.rename(given)
    status, said = coalition.as_partner("press", lines, until=forum)
    assert status == 1
    assert forum not in said
    shutil.rmtree(given)


@pytest.mark.parametrize(
    "topic",
    ["meetings.events.v1", "registration.contacts.v1", "recommendations.events.v1"],
)
def test_a_service_cannot_write_another_s_topic(coalition, topic):
    """Neither the other organization's nor its own organization's."""
    status, said = coalition.other.python_in(
        "notifications-relay", WRITE.replace("TOPIC", f"{coalition.name}.{topic}")
    )
    assert status == 1
    assert "TopicAuthorizationFailedError" in said


def test_a_service_writes_its_own(coalition):
    """So the refusals above are about the topic, and not about the lines."""
    lines = WRITE.replace('"TOPIC", b"x"', f'"{coalition.name}.recommendations.events.v1", key=b"x"')
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
    """The broker's own listeners ask for no password; nobody outside its network namespace reaches them."""
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
    """The operator's three commands, on what runs already."""
    before = coalition.secretariat.container("kafka")
    coalition.types("Starting")
    assert coalition.secretariat.container("kafka") == before
    assert "nothing was changed" in coalition.types("Who may do what in Kafka")


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


def test_the_tools_of_an_organization_show_what_it_may_read(coalition, forum):
    """Notifications may read all that the others tell, and not what recommendations tells."""
    shown = coalition.types("Who may do what in Kafka", number=1)
    assert forum in {json.loads(line)["subject"] for line in shown.splitlines() if "forum" in line}


def test_a_password_is_changed_by_the_page(coalition, somebody_is_told):
    """At its owner and at Kafka's host; who works goes on."""
    path = coalition.folder / "advocacy-network/secrets/notifications/kafka-password"
    before = path.read_text()
    printed = coalition.types("Changing a password")
    assert f"password  user {coalition.name}.advocacy-network.notifications" in printed
    assert path.read_text() != before
    somebody_is_told()


def test_certificates_and_their_authority_are_changed_by_the_page(coalition, somebody_is_told):
    """Everybody goes on after each step."""
    for number in range(2):
        coalition.types("Certificates", number=number)
        somebody_is_told()


def test_a_service_is_taken_over_by_the_page(coalition, forum, office_of_both, eventually):
    """Drained, handed over, switched, revoked: the new host knows what the former knew, and goes on."""
    if find_spec("vetika_kit.backup") is None:
        pytest.skip("the services have no backup yet")
    section = "Taking over a service"
    secretariat = office_of_both.secretariat
    body = {"text": {"en": "Ten per cent."}, "forum_id": forum, "title": {"en": "Reserve a share"}}
    body |= {"stakeholder_category": "cbo", "addressed_to": "Ministry of Interior"}
    made = secretariat.post("recommendations", "/v1/recommendations", body)
    coalition.types(section, "drain")
    coalition.types(section, "backup")
    organizations = coalition.document["organizations"]
    organizations[1]["services"].remove("recommendations")
    organizations[0]["services"].append("recommendations")
    coalition.save()
    former = f"{coalition.name}.advocacy-network.recommendations"
    assert f"removed   user {former}" in coalition.types(section, "switch")
    coalition.types(section, "restore")
    found = secretariat.get("recommendations", f"/v1/recommendations/{made['id']}")
    assert found["title"] == body["title"]
    assert secretariat.post("recommendations", "/v1/recommendations", body)["id"] != made["id"]

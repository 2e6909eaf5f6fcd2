"""The manage page, as a browser sees it: both languages, two steps to cancel, the calendar file."""

from dataclasses import replace
from html.parser import HTMLParser

import icalendar
import pytest

from registration.app import create_app
from registration.domain.identity import manage_key
from vetika_kit.ids import short_id


class _Text(HTMLParser):
    def __init__(self):
        super().__init__()
        self.parts, self.links, self.forms, self.scripts = [], [], [], 0

    def handle_starttag(self, tag, attrs):
        """Note where it leads."""
        self.scripts += tag == "script"
        if tag == "a":
            self.links.append(dict(attrs)["href"])
        if tag == "form":
            self.forms.append(dict(attrs)["action"])

    def handle_data(self, data):
        """Note what is read."""
        self.parts.append(data)


def _read(response):
    page = _Text()
    page.feed(response.text)
    return page, " ".join(" ".join(page.parts).split())


@pytest.fixture
def registered(client, announce, application, database, config):
    """Two people at a forum of one seat; the paths of their pages."""
    forum = announce(capacity=1)
    paths = []
    for _ in range(2):
        made = client.post(f"/v1/forums/{forum}/registrations", json=application()).json
        person = database["registrations"].find_one({"_id": made["id"]})["person_id"]
        paths.append(f"/m/{short_id(made['id'])}/{manage_key(person, secret=config.key)}")
    return forum, paths


def test_the_page_is_in_the_persons_language(client, registered):
    """Khmer for who registered in Khmer, with the date and time of Phnom Penh; English on request."""
    _, (path, _) = registered
    answer = client.get(path)
    page, text = _read(answer)
    assert answer.status_code == 200
    assert 'lang="km"' in answer.text
    assert "អ្នកមានកៅអីហើយ" in text
    assert "មីនា" in text
    assert "ជា សុភា" in text
    assert "8:00" in text
    english = client.get(f"{path}?lang=en")
    _, text = _read(english)
    assert "You have a seat." in text
    assert "Wednesday, March 10, 2027" in text
    assert "8:00 to 17:00 (Phnom Penh time)" in text
    assert page.scripts == 0


def test_nothing_of_the_page_leaks(client, registered):
    """The key is the credential: no cache, no referrer, no index, no foreign content."""
    _, (path, _) = registered
    headers = client.get(path).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in headers["X-Robots-Tag"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_cancelling_takes_two_steps(client, registered):
    """A link asks, a form cancels; the next in line has the seat, and the page says so."""
    forum, (first, second) = registered
    _, text = _read(client.get(f"{second}?lang=en"))
    assert "Your place in line: 1" in text
    page, _ = _read(client.get(f"{first}?lang=en"))
    ask = next(link for link in page.links if "step=cancel" in link)
    assert page.forms == []
    page, text = _read(client.get(ask))
    assert "Do you really want to cancel?" in text
    assert client.get(f"/v1/forums/{forum}").json["seats"]["waiting"] == 1
    answer = client.post(page.forms[0])
    assert answer.status_code == 303
    page, text = _read(client.get(answer.headers["Location"]))
    assert "Your registration is cancelled." in text
    assert page.forms == []
    assert "You have a seat." in _read(client.get(f"{second}?lang=en"))[1]
    assert client.post(f"{first}/cancellation").status_code == 303


def test_the_page_leads_back_to_itself_behind_a_gateway(registered, database, clock, config):
    """Where a gateway takes the path's first part away, form, links and redirection begin with it."""
    _, (path, _) = registered
    app = create_app(
        replace(config, public_url="https://forum.example/registration"), database=database, clock=clock
    )
    client = app.test_client()
    page, _ = _read(client.get(f"{path}?step=cancel"))
    assert page.forms[0].startswith(f"/registration{path}/cancellation")
    assert [link for link in page.links if not link.startswith(("?", f"/registration{path}"))] == []
    answer = client.post(f"{path}/cancellation?lang=en")
    assert answer.headers["Location"] == f"/registration{path}?lang=en"


def test_a_wrong_link_says_nothing(client, registered):
    """A wrong key and an unknown id look the same, in both languages; nothing is cancelled."""
    _, (first, second) = registered
    key = second.rpartition("/")[2]
    wrong = [f"/m/nobody/{key}", f"{first}x", f"{first.rpartition('/')[0]}/aaaa"]
    pages = [client.get(path, headers={"Accept-Language": "en"}) for path in wrong]
    assert {page.status_code for page in pages} == {404}
    assert len({page.text for page in pages}) == 1
    assert "This link does not work" in pages[0].text
    assert client.post(f"{first}x/cancellation").status_code == 404
    assert "តំណនេះ" in client.get(wrong[0]).text


def test_the_calendar_file(client, registered, announce):
    """The forum's time in UTC, its place, the link back; cancelled when the forum is."""
    forum, (path, _) = registered
    answer = client.get(f"{path}/forum.ics?lang=en")
    assert answer.mimetype == "text/calendar"
    event = icalendar.Calendar.from_ical(answer.get_data()).events[0]
    assert event.start.isoformat() == "2027-03-10T01:00:00+00:00"
    assert str(event["summary"]) == "Decentralization and Gender"
    assert str(event["location"]) == "Sunway Hotel, No. 1, Street 92, Phnom Penh"
    assert str(event["url"]).endswith(path)
    announce(forum_id=forum, version=2, status="cancelled")
    event = icalendar.Calendar.from_ical(client.get(f"{path}/forum.ics").get_data()).events[0]
    assert str(event["status"]) == "CANCELLED"
    assert "This forum will not take place." in _read(client.get(f"{path}?lang=en"))[1]


def test_what_people_write_is_text(client, announce, application, database, config):
    """Markup in a name is shown, not run."""
    forum = announce()
    body = application(family_name="<script>alert(1)</script>", name_km=None)
    made = client.post(f"/v1/forums/{forum}/registrations", json=body).json
    person = database["registrations"].find_one({"_id": made["id"]})["person_id"]
    answer = client.get(f"/m/{short_id(made['id'])}/{manage_key(person, secret=config.key)}")
    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text

"""What the journeys share: the page that a message links to, read as a browser without JavaScript does."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
import requests

LINK = re.compile(r"https?://\S+/m/\S+")


class _Document(HTMLParser):
    """The text, the links and the forms of a page; whether it asks for scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        self.forms: list[str] = []
        self.language = ""
        self.scripts = 0
        self._silent = 0
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "html":
            self.language = given["lang"]
        elif tag == "a":
            self.links.append(given["href"])
        elif tag == "form":
            assert given["method"].lower() == "post"
            self.forms.append(given["action"])
        self.scripts += tag == "script"
        self._silent += tag in ("style", "script")

    def handle_endtag(self, tag):
        self._silent -= tag in ("style", "script")

    def handle_data(self, data):
        if not self._silent:
            self.texts.append(data)


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page as somebody sees it."""

    url: str
    status: int
    html: str

    @property
    def text(self) -> str:
        """What can be read on it."""
        return " ".join(" ".join(_Document(self.html).texts).split())

    @property
    def language(self) -> str:
        """The language that it says it is in."""
        return _Document(self.html).language

    @property
    def scripts(self) -> int:
        """How many scripts it would run."""
        return _Document(self.html).scripts

    def follow(self, part: str) -> "Page":
        """Click on the one link whose address holds `part`."""
        (link,) = [link for link in _Document(self.html).links if part in link]
        return _page(requests.get(urljoin(self.url, link), timeout=10))

    def submit(self) -> "Page":
        """Press the one button."""
        (action,) = _Document(self.html).forms
        return _page(requests.post(urljoin(self.url, action), timeout=10))


def _page(answer: requests.Response) -> Page:
    return Page(url=answer.url, status=answer.status_code, html=answer.text)


@pytest.fixture(scope="session")
def open_link():
    """`open_link(text)`: follow the manage link in a message."""

    def opened(text: str) -> Page:
        (link,) = set(LINK.findall(text))
        return _page(requests.get(link, timeout=10))

    return opened


@pytest.fixture
def register(anybody):
    """`register(forum, person)`: apply for a seat as anybody can."""

    def applied(forum, person):
        return anybody.post("registration", f"/v1/forums/{forum['id']}/registrations", person)

    return applied

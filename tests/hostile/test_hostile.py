"""What no honest program sends, to every route that takes JSON and every route there is."""

import json
import socket
from urllib.parse import quote, urlsplit

import pytest
import requests

from vetika_kit.ids import short_id

SERVICES = ("registration", "meetings", "notifications", "recommendations")
PLAN = {
    "theme": {"en": "Decentralization and Gender"},
    "description": {"en": "What councils learned."},
    "starts_at": "2037-03-01T08:30:00+07:00",
    "ends_at": "2037-03-01T16:30:00+07:00",
    "venue": {"name": {"en": "Chaktomuk"}, "address": {"en": "Sisowath Quay"}},
    "capacity": 200,
    "host_organization_id": "o-1",
    "registration_opens_at": "2037-01-01T08:30:00+07:00",
    "registration_closes_at": "2037-02-01T08:30:00+07:00",
    "seat_policy": {"release_at": "2037-02-01T08:30:00+07:00"},
}
ORGANIZATION = {
    "name": "Cambodia Development Resource Institute",
    "acronym": "CDRI",
    "stakeholder_category": "academic",
    "contact": {"name": "Somebody", "email": "somebody@cdri.example", "phone": "012345678"},
}
# A body that each route would take; a route that is missing here makes a test fail.
BODIES = {
    ("registration", "POST", "/v1/organizations"): ORGANIZATION,
    ("registration", "PATCH", "/v1/organizations/{organization_id}"): ORGANIZATION,
    ("registration", "POST", "/v1/forums/{forum_id}/registrations"): {
        "family_name": "Chea",
        "given_name": "Sophea",
        "name_km": "ជា សុភា",
        "gender": "female",
        "email": "sophea@people.example",
        "phone": "012345679",
        "language": "km",
        "organization": "Somewhere",
        "stakeholder_category": "local_ngo",
        "role": "participant",
        "dietary": "vegetarian",
        "accessibility": "wheelchair",
    },
    ("meetings", "POST", "/v1/forums"): PLAN,
    ("meetings", "PATCH", "/v1/forums/{forum_id}"): PLAN,
    ("meetings", "POST", "/v1/forums/{forum_id}/cancellation"): {"reason": {"en": "Flooded."}},
    ("recommendations", "POST", "/v1/recommendations"): {
        "title": {"en": "Let councils keep what they collect"},
        "text": {"en": "Half of it."},
        "stakeholder_category": "cbo",
        "addressed_to": "Ministry of Interior",
    },
}
JSON = {"Content-Type": "application/json"}
NOT_JSON = (
    b"",
    b"{",
    b'{"a": ',
    b"nul",
    b"{} {}",
    b"\xff\xfe{}",
    b'{"a": NaN}',
    b'{"a": 1, "a": 2}',
    b'{"a": "\x01"}',
    b'{"a": "\\u0000"}',
    b'{"a": "\\ud800"}',
    b'{"a":' * 200 + b"1" + b"}" * 200,
    b"[" * 60_000,
)
OTHER_TYPES = (
    "text/plain",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
)
# None of these is a text that any field here takes.
NO_TEXTS = (
    {"$gt": ""},
    {"$ne": None},
    {"$where": "sleep(1000)"},
    ["$in"],
    5,
    True,
    "",
    "a\u0000b",
    "a\u001b[31mb",
    "a\u202eb",
    "\ud800",
    "x" * 20_000,
    "\u200b\u200b",
)
# Neither ids nor anything that may stand in a query.
NO_VALUES = (
    '{"$gt":""}',
    "[$ne]",
    "\x00",
    "\r\nX-Injected: 1",
    "../../etc/passwd",
    "\u202e",
    "$where",
    "x" * 1500,
)


@pytest.fixture(scope="module")
def operations(apis):
    """Every operation of every service: service, method, path, and its description."""
    return [
        (service, method.upper(), path, operation)
        for service in SERVICES
        for path, methods in requests.get(f"{apis.url(service)}/openapi.json", timeout=10)
        .json()["paths"]
        .items()
        for method, operation in methods.items()
        if method in ("get", "post", "put", "patch", "delete")
    ]


@pytest.fixture
def unchanged(apis):
    """Holds that a test changed nothing in any database."""
    before = apis.content()
    yield
    assert apis.content() == before


def _takes_json(operation):
    return "application/json" in operation.get("requestBody", {}).get("content", {})


def _send(apis, route, body, *, headers=JSON):
    service, method, path = route
    if isinstance(body, dict | list):
        body = json.dumps(body).encode()
    return apis.insider.request(method, service, path.format(**apis.ids), data=body, headers=headers)


def _is_clear_refusal(answer, *statuses):
    """A 4xx problem that says what is wrong, and nothing of how the service is made."""
    assert answer.status_code in statuses, f"{answer.request.url}: {answer.status_code} {answer.text}"
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"].startswith("/problems/")
    assert problem["detail"]
    for inside in ("Traceback", "mongo", "marshmallow", "werkzeug", ".py", "BSON"):
        assert inside not in answer.text
    return True


def _with_leaf_replaced(value, replacement):
    """Every variant of a document in which one text is something else."""
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from ({**value, name: variant} for variant in _with_leaf_replaced(inner, replacement))
        elif isinstance(inner, str):
            yield {**value, name: replacement}


def test_every_json_route_is_attacked_here(operations):
    """A new route needs a good body before it can be sent bad ones."""
    assert {(service, method, path) for service, method, path, one in operations if _takes_json(one)} == set(
        BODIES
    )


@pytest.mark.parametrize("route", BODIES, ids=" ".join)
def test_a_bad_body_is_refused_and_changes_nothing(route, apis, unchanged):
    """Broken, too large, too deep, of another type: each gets a problem that says so."""
    for body in NOT_JSON:
        # A cancellation needs no body; an empty one is none.
        if body or route[2] != "/v1/forums/{forum_id}/cancellation":
            _is_clear_refusal(_send(apis, route, body), 400)
    _is_clear_refusal(_send(apis, route, b'{"a": "%s"}' % (b"a" * 70_000)), 413)
    _is_clear_refusal(_send(apis, route, iter([b'{"a": "', b"a" * 70_000, b'"}'])), 413)
    for type_ in OTHER_TYPES:
        _is_clear_refusal(_send(apis, route, BODIES[route], headers={"Content-Type": type_}), 415)
    _is_clear_refusal(_send(apis, route, b"x", headers={**JSON, "Content-Encoding": "gzip"}), 415)
    for body in ([], "text", 5, None):
        _is_clear_refusal(_send(apis, route, json.dumps(body).encode()), 400, 422)


@pytest.mark.parametrize("route", BODIES, ids=" ".join)
def test_what_is_no_text_is_refused_where_a_text_belongs(route, apis, unchanged):
    """Operators, control characters, numbers, lists and texts without end, in every field in turn."""
    good = BODIES[route]
    for replacement in NO_TEXTS:
        for body in _with_leaf_replaced(good, replacement):
            _is_clear_refusal(_send(apis, route, body), 400, 422)
    for name in ("$where", "__proto__", "a.b", "_id", "outbox"):
        _is_clear_refusal(_send(apis, route, {**good, name: {"$gt": ""}}), 422)


def test_strange_ids_find_nothing(operations, apis, unchanged):
    """Operators, control characters and ways up in a path: no such thing, on every route that names one."""
    for service, method, path, operation in operations:
        for name in [part for part in apis.ids if f"{{{part}}}" in path]:
            for value in NO_VALUES:
                strange = {**apis.ids, name: quote(value, safe="")}
                answer = apis.insider.request(
                    method, service, path.format(**strange), data=b"{}", headers={**JSON, "If-Match": '"1"'}
                )
                allowed = (400, 404, 405, 415, 422)
                assert _is_clear_refusal(answer, *allowed), operation["operationId"]


def test_strange_queries_are_refused(operations, apis, unchanged):
    """A parameter that is unknown, given twice, an operator, or no value of its kind."""
    for service, method, path, operation in operations:
        names = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
        if method != "GET" or not names:
            continue
        queries = ["limit[$gt]=1", "limit=0", "limit=1e9", "limit=-1", "limit=1&limit=2", "$where=1", "a=b"]
        queries += [f"{name}[$ne]=x" for name in names]
        if "limit" not in names:
            queries = [query for query in queries if "limit" not in query or "[" in query]
        queries += [f"cursor={quote(value)}" for value in NO_VALUES if "cursor" in names]
        for query in queries:
            target = f"{path.format(**apis.ids, letter_id='x')}?{query}"
            _is_clear_refusal(apis.insider.request("GET", service, target), 400, 422)


@pytest.mark.parametrize("key", ["", "x" * 256, "\u1780", "a\tb"], ids=["empty", "long", "khmer", "tab"])
def test_strange_keys_of_repetition_are_refused(key, apis, unchanged):
    """An Idempotency-Key that is none is refused before anything happens."""
    route = ("registration", "POST", "/v1/organizations")
    headers = {**JSON, "Idempotency-Key": key.encode()}
    _is_clear_refusal(_send(apis, route, ORGANIZATION, headers=headers), 400, 422)


@pytest.mark.parametrize("tag", ["1", 'W/"1"', '"\u1780"', '"8", "9"', "x" * 5000])
def test_strange_versions_are_stale(tag, apis, unchanged):
    """An If-Match that does not name the present version changes nothing."""
    route = ("registration", "PATCH", "/v1/organizations/{organization_id}")
    headers = {**JSON, "If-Match": tag.encode()}
    _is_clear_refusal(_send(apis, route, {"acronym": "X"}, headers=headers), 400, 412, 422, 428)


@pytest.mark.parametrize("value", NO_VALUES)
def test_strange_links_open_nothing(value, apis, unchanged):
    """The manage page of a link that nobody was given says so, and cancels nothing."""
    registration, strange = short_id(apis.ids["registration_id"]), quote(value, safe="")
    for path in (f"/m/{registration}/{strange}", f"/m/{strange}/{strange}"):
        for method, target in (("GET", path), ("POST", f"{path}/cancellation"), ("GET", f"{path}/forum.ics")):
            answer = apis.platform.caller().request(method, "registration", target, allow_redirects=False)
            assert answer.status_code == 404, answer.text
            assert "Location" not in answer.headers


def test_whoever_hangs_up_in_the_middle_changes_nothing(apis, unchanged):
    """A body that ends before its length is no body; the service goes on."""
    address = urlsplit(apis.url("registration"))
    for sent in (b"", b"{", json.dumps(ORGANIZATION).encode()):
        with socket.create_connection((address.hostname, address.port), timeout=5) as caller:
            caller.sendall(
                b"POST /v1/organizations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Length: 5000\r\n\r\n" + sent
            )
            caller.shutdown(socket.SHUT_WR)
            answered = caller.recv(65536)
        assert answered.startswith(b"HTTP/1.1 400")
    assert requests.get(f"{apis.url('registration')}/livez", timeout=5).ok


def test_none_of_it_was_taken_for_a_fault_of_ours(apis):
    """What callers send wrong is theirs: no API has logged an error, and no stack."""
    for service in SERVICES:
        said = apis.platform.log(f"{service}-api")
        assert '"level": "ERROR"' not in said
        assert "Traceback" not in said

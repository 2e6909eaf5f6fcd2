"""What counts as a body, and what a bad one gets."""

import json
import string
from io import BytesIO

import pytest
from flask import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder

from vetika_kit.http.access import Role
from vetika_kit.http.bodies import DEFAULT_LIMIT, body_limit, parse_json
from vetika_kit.http.problems import Problem


def _post(client, body: bytes, content_type: str = "application/json"):
    return client.post("/v1/notes", data=body, content_type=content_type)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"\xff\xfe",
        b'{"title": "a"',
        b'{"title": "a", "title": "b"}',
        b'{"title": NaN}',
        b'{"title": Infinity}',
        b'{"title": 1e999}',
        b'{"title": 99999999999999999999}',
        b'{"title": ' + b"9" * 5000 + b"}",
        b'{"title": "a\\u0000b"}',
        b'{"ti\\u0000tle": "a"}',
        b'{"title": "\\ud800"}',
        b'\xef\xbb\xbf{"title": "a"}',
        b"[" * 33 + b"]" * 33,
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b"[" * 60_000,
        b"[" * 30_000 + b"]" * 30_000,
    ],
)
def test_what_is_not_strict_json_is_a_400_and_nothing_is_stored(client, stores, body):
    """Broken, ambiguous or dangerous JSON never reaches a view."""
    response = _post(client, body)
    assert response.status_code == 400, response.text
    assert response.json["type"] in ("/problems/broken-json", "/problems/body-missing")
    assert stores.calls == []


def test_32_levels_pass_and_33_do_not():
    """The limit is where it is said to be."""
    assert parse_json(b"[" * 32 + b"]" * 32)
    with pytest.raises(Problem):
        parse_json(b"[" * 33 + b"]" * 33)


def test_an_escaped_backslash_before_u0000_is_no_nul():
    """Six harmless characters are not mistaken for a NUL."""
    assert parse_json(rb'{"a": "\\u0000"}') == {"a": "\\u0000"}


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "", "application/xml", "multipart/form-data", "application/json; charset=utf-16"],
)
def test_another_content_type_is_a_415(client, stores, content_type):
    """Only what says that it is JSON is read as JSON."""
    response = client.post("/v1/notes", data=b'{"title": "a"}', headers={"Content-Type": content_type})
    assert response.status_code == 415
    assert stores.calls == []


def test_a_compressed_body_is_a_415(client):
    """A bomb is not unpacked."""
    response = client.post("/v1/notes", data=b"x", headers={"Content-Encoding": "gzip"})
    assert response.status_code == 415


def test_a_body_over_64_kib_is_a_413(client, stores):
    """The limit holds, whatever is in the body."""
    response = _post(client, b'{"title": "' + b"a" * 65536 + b'"}')
    assert response.status_code == 413
    assert response.json["type"] == "/problems/body-too-large"
    assert stores.calls == []


def _streamed(client, path, body, *, promised=None, **arguments):
    """Send a body of unknown length, or of another length than it says, as gunicorn passes it on."""
    environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    if promised is not None:
        environ = {"wsgi.input_terminated": True, "CONTENT_LENGTH": str(promised)}
    builder = EnvironBuilder(path=path, method="POST", **arguments)
    request = builder.get_environ()
    request.pop("CONTENT_LENGTH", None)
    return Response.from_app(client.application, request | environ | {"wsgi.input": BytesIO(body)})


def test_a_body_of_unknown_length_is_counted_while_it_is_read(client, stores, bearer):
    """Chunked bodies have the same limits, to the byte; none is cut off and taken for whole."""
    body = b'{"title": "a"}'
    json_type = {"content_type": "application/json"}
    assert _streamed(client, "/v1/notes", body, **json_type).status_code == 201
    padded = body + b" " * (DEFAULT_LIMIT - len(body))
    assert _streamed(client, "/v1/notes", padded, **json_type).status_code == 201
    assert _streamed(client, "/v1/notes", padded + b" ", **json_type).status_code == 413
    assert stores.calls == ["a", "a"]
    mebibyte = b"a" * 1024 * 1024
    headers = bearer(Role.SECRETARIAT)
    assert _streamed(client, "/v1/imports", mebibyte, headers=headers).json == {"size": len(mebibyte)}
    assert _streamed(client, "/v1/imports", mebibyte + b"a", headers=headers).status_code == 413


def test_a_body_that_ends_too_early_is_a_400(client, stores, bearer):
    """However well what came can be read: the connection broke, and something is missing."""
    early = _streamed(client, "/v1/notes", b'{"title": "a"}', promised=5000, content_type="application/json")
    assert early.status_code == 400
    assert early.json["type"] == "/problems/body-incomplete"
    headers = bearer(Role.SECRETARIAT)
    assert _streamed(client, "/v1/imports", b"half", promised=8, headers=headers).status_code == 400
    assert stores.calls == []


def test_a_route_may_take_more(client, bearer):
    """A route with its own limit takes up to that, and not a byte more."""
    headers = bearer(Role.SECRETARIAT)
    assert client.post("/v1/imports", data=b"a" * 1024 * 1024, headers=headers).json == {"size": 1024 * 1024}
    assert client.post("/v1/imports", data=b"a" * (1024 * 1024 + 1), headers=headers).status_code == 413


def test_a_limit_has_its_own_limit():
    """No route can take more than 4 MiB."""
    with pytest.raises(ValueError, match="body limit"):
        body_limit(5 * 1024 * 1024)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"title": {"$gt": ""}}, "/title"),
        ({"title": ["a"]}, "/title"),
        ({"title": 7}, "/title"),
        ({"title": None}, "/title"),
        ({}, "/title"),
        ({"title": "a" * 41}, "/title"),
        ({"title": "a" * 60_000}, "/title"),
        ({"title": "a", "$where": "1"}, "/$where"),
        ({"title": "a", "a/b~c": 1}, "/a~1b~0c"),
        ({"title": "a", "tags": ["ok", {"$ne": 1}]}, "/tags/1"),
        ({"title": "a", "name": {"fr": "x"}}, "/name/fr"),
        ({"title": "a", "name": {}}, "/name"),
        ({"title": "a", "name": {"en": "\u202egnp.exe"}}, "/name/en"),
        ({"title": "\u200b\u200b"}, "/title"),
        ({"title": "a\u0007b"}, "/title"),
        ({"title": "a\nb"}, "/title"),
        ({"title": "a", "due": "2026-03-01T09:00:00"}, "/due"),
    ],
)
def test_a_wrong_field_is_named_by_pointer(client, stores, body, pointer):
    """422 says which field, and nothing is stored: an operator is a text that is none."""
    response = client.post("/v1/notes", json=body)
    assert response.status_code == 422, response.text
    assert response.json["type"] == "/problems/invalid-fields"
    assert pointer in [error["pointer"] for error in response.json["errors"]]
    assert stores.calls == []


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"7", b"null", b"true"])
def test_a_body_that_is_no_object_is_a_422_of_the_whole(client, body):
    """The pointer of the whole document is empty."""
    response = _post(client, body)
    assert response.status_code == 422
    assert response.json["errors"][0]["pointer"] == ""


def test_a_query_names_its_parameters(client):
    """Unknown, repeated and wrong query parameters are 422 by name."""
    for query, name in (
        ("limit=0", "limit"),
        ("limit=a", "limit"),
        ("limit=1&limit=2", "limit"),
        ("x=1", "x"),
    ):
        response = client.get(f"/v1/notes?{query}")
        assert response.status_code == 422, query
        assert response.json["type"] == "/problems/invalid-parameters"
        assert response.json["errors"][0]["parameter"] == name
    assert client.get("/v1/notes?tag=a&tag=b").status_code == 200


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=60)
    | st.sampled_from(["\0", "\ud800", "$gt", "a" * 5000, "\u202e", "2026-13-01T00:00:00Z", "__proto__"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["title", "body", "name", "due", "tags", "en", "$gt", "a.b", "\0"]), inner
        )
    ),
    max_leaves=12,
)


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(value=JSON)
def test_no_json_makes_a_5xx(client, value):
    """Whatever JSON comes, the answer is a note or a problem of the caller."""
    response = _post(client, json.dumps(value).encode())
    assert response.status_code in (201, 400, 422), response.text
    if response.status_code != 201:
        assert response.content_type == "application/problem+json"


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200) | st.text(alphabet=string.printable, max_size=200).map(str.encode))
def test_no_bytes_make_a_5xx(client, body):
    """Nor does anything that is no JSON."""
    assert _post(client, body).status_code in (201, 400, 422)

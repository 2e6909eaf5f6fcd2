"""Importing lists: the real one with its real dirt, repetition, and files that are none."""

import csv
import io
from collections import Counter
from pathlib import Path

from registration.domain.sheets import REQUIRED_COLUMNS

PARTICIPANTS = Path(__file__).parents[4] / "data" / "participants.csv"
HEADER = ",".join([*REQUIRED_COLUMNS, "email", "phone", "organization"])


def _import(client, forum, content, headers, mimetype="text/csv"):
    return client.post(f"/v1/forums/{forum}/imports", data=content, content_type=mimetype, headers=headers)


def test_the_real_list(client, announce, secretariat, database):
    """Of 260 rows 239 are taken, 21 are named with line and reason, none is lost; again changes nothing."""
    forum = announce(capacity=200)
    answer = _import(client, forum, PARTICIPANTS.read_bytes(), secretariat)
    assert answer.status_code == 201
    report = answer.json
    assert (report["state"], report["rows"]) == ("complete", 260)
    assert (report["confirmed"], report["waitlisted"], report["refused"]) == (200, 39, 21)
    assert Counter(one["reason"] for one in report["findings"]) == {
        "duplicate_in_file": 8,
        "unknown_value": 8,
        "invalid_phone": 3,
        "invalid_email": 1,
        "formula": 1,
    }
    assert [(one["line"], one["column"]) for one in report["findings"]] == [
        (47, "email"),
        (49, None),
        (58, "stakeholder_category"),
        (71, "stakeholder_category"),
        (111, None),
        (116, "stakeholder_category"),
        (119, None),
        (122, None),
        (123, "stakeholder_category"),
        (133, None),
        (146, "stakeholder_category"),
        (161, "stakeholder_category"),
        (176, "given_name"),
        (193, "stakeholder_category"),
        (203, None),
        (208, None),
        (211, "stakeholder_category"),
        (225, "phone"),
        (226, None),
        (227, "phone"),
        (244, "phone"),
    ]
    assert "(line 9)" not in report["findings"][1]["messages"]["en"]
    assert report["findings"][1]["messages"]["en"] == "The same person stands in line 9 of the file."
    assert report["findings"][1]["messages"]["km"]
    lim = database["registrations"].find_one({"person.email": "chanthou.lim228@kampot.example"})
    assert (lim["person"]["family_name"], lim["person"]["name_km"]) == ("LIM", "លឹម ចន្ធូ")
    lone = database["registrations"].find_one({"person.email": "chanthou.lim226@interior.example"})
    assert lone["person"]["name_km"] is None
    before = database["registrations"].count_documents({"forum_id": forum})
    again = _import(client, forum, b"\xef\xbb\xbf" + PARTICIPANTS.read_bytes(), secretariat).json
    assert (again["unchanged"], again["confirmed"], again["refused"]) == (239, 0, 21)
    assert database["registrations"].count_documents({"forum_id": forum}) == before == 239
    table = client.get(f"/v1/imports/{report['id']}/report.csv", headers=secretariat)
    rows = list(csv.DictReader(io.StringIO(table.get_data().decode("utf-8-sig"))))
    assert len(rows) == 21
    assert rows[0]["line"] == "47"
    assert client.get(f"/v1/imports/{report['id']}", headers=secretariat).json == report


def test_who_cancelled_is_not_brought_back_by_the_same_list(client, announce, secretariat, database):
    """A row that was imported before is done with, whatever became of its registration."""
    forum = announce(capacity=5)
    content = f"{HEADER}\nSok,Dara,male,cbo,km,sok@x.example,,\n".encode()
    _import(client, forum, content, secretariat)
    registration = database["registrations"].find_one({"forum_id": forum})
    client.post(f"/v1/registrations/{registration['_id']}/cancellation", headers=secretariat)
    report = _import(client, forum, content, secretariat).json
    assert (report["unchanged"], report["confirmed"]) == (1, 0)


def test_who_registered_alone_is_named(client, announce, secretariat, application):
    """A row of somebody who registered by themselves is refused as such, and keeps their registration."""
    forum = announce(capacity=5)
    client.post(f"/v1/forums/{forum}/registrations", json=application(email="sok@x.example"))
    report = _import(
        client, forum, f"{HEADER}\nSok,Dara,male,cbo,km,sok@x.example,,\n".encode(), secretariat
    ).json
    assert [one["reason"] for one in report["findings"]] == ["already_registered"]


def test_a_form_upload_is_the_same(client, announce, secretariat):
    """multipart/form-data carries the same file."""
    content = f"{HEADER}\r\nSok,Dara,male,cbo,km,sok@x.example,,\r\n".encode()
    file = {"file": (io.BytesIO(content), "people.csv")}
    report = _import(client, announce(), file, secretariat, mimetype="multipart/form-data").json
    assert (report["confirmed"], report["refused"]) == (1, 0)


def test_what_is_no_list(client, announce, secretariat):
    """Wrong type, encoding, header or length: a clear refusal, nothing stored."""
    forum = announce()
    assert _import(client, forum, b"{}", secretariat, mimetype="application/json").status_code == 415
    for content, word in (
        (b"", "empty"),
        (b"\xff\xfea\x00", "UTF-8"),
        (b"family_name,given_name\n", "lacks"),
        (f"{HEADER},shoe_size\n".encode(), "shoe_size"),
        (f"{HEADER},email\n".encode(), "twice"),
        (f"{HEADER}\n".encode() + b"a,b,c,d,e,f,g,h\n" * 10_001, "10000"),
    ):
        answer = _import(client, forum, content, secretariat)
        assert (answer.status_code, answer.json["type"]) == (422, "/problems/unreadable-import")
        assert word in answer.json["detail"]
    assert _import(client, "nowhere", f"{HEADER}\n".encode(), secretariat).status_code == 404
    assert _import(client, forum, b"", {}).status_code == 401

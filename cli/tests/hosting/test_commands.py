"""`vetika hosting …` and `vetika partner …`, as they are typed."""

import shutil

import pytest

from vetika_cli.errors import UserError
from vetika_cli.hosting.partners import with_partner, without_partner
from vetika_cli.main import main
from vetika_cli.places import checkout

EXAMPLE = checkout() / "deploy" / "hosting" / "hosting.yml"


@pytest.fixture
def file(tmp_path):
    """A hosting file of one's own."""
    return shutil.copy(EXAMPLE, tmp_path / "hosting.yml")


@pytest.fixture
def vetika(file, folder, capsys):
    """`vetika(…)`: run a command on that file; returns its status, output and complaints."""

    def vetika(*arguments):
        status = main([*arguments, "--file", str(file), "--to", str(folder)])
        told = capsys.readouterr()
        return status, told.out, told.err

    return vetika


def test_render_says_what_it_made_and_then_that_nothing_changed(vetika, folder):
    """Names of files, and no secret."""
    status, out, _ = vetika("hosting", "render")
    assert status == 0
    assert "new      secretariat/kafka/rights.yml\n" in out
    assert (folder / "secretariat/secrets/kafka/password").read_text().strip() not in out
    assert vetika("hosting", "render")[1] == f"Nothing to change in {folder}.\n"


def test_check_ends_with_1_while_something_would_change(vetika, folder):
    """And changes nothing."""
    status, out, _ = vetika("hosting", "render", "--check")
    assert (status, folder.exists()) == (1, False)
    assert f"files would change in {folder}" in out
    vetika("hosting", "render")
    assert vetika("hosting", "render", "--check")[0] == 0


def test_a_file_that_is_wrong_changes_nothing(vetika, file, folder):
    """One sentence for each thing, on standard error."""
    file.write_text(file.read_text("utf-8").replace("- meetings\n", "- meeting\n"), "utf-8")
    status, out, err = vetika("hosting", "render")
    assert (status, out, folder.exists()) == (1, "", False)
    assert "organizations[0].services[1]: there is no service meeting;" in err


def test_rotate_and_renew_say_what_comes_next(vetika):
    """Who must do what until it is in use."""
    vetika("hosting", "render")
    _, out, _ = vetika("hosting", "rotate", "dfwg.partners.university")
    assert "Next: secretariat runs `docker compose run --rm kafka-rights`; then university" in out
    assert "Next: Hand the folders out" in vetika("hosting", "renew")[1]
    assert "--authority switch" in vetika("hosting", "renew", "--authority", "prepare")[1]


def test_rotating_somebody_unknown_names_those_who_are_there(vetika):
    """And changes nothing."""
    vetika("hosting", "render")
    status, _, err = vetika("hosting", "rotate", "university")
    assert status == 1
    assert "There is no user university; there are dfwg.advocacy-network.notifications" in err


def test_the_authority_is_replaced_in_order(vetika):
    """A step before its time is refused with a sentence."""
    assert "There is no authority yet" in vetika("hosting", "renew", "--authority", "switch")[2]
    vetika("hosting", "render")
    assert "There is no next authority" in vetika("hosting", "renew", "--authority", "switch")[2]


def test_a_partner_is_added_and_removed_and_the_file_is_as_before(vetika, file, folder):
    """Comments and order stay as people wrote them."""
    before = file.read_text("utf-8")
    status, out, _ = vetika(
        "partner", "add", "press", "--title", "Press Council", "--topics", "meetings, registration"
    )
    assert status == 0
    assert f"hand {folder / 'partners/press'} over" in out
    after = file.read_text("utf-8")
    assert set(before.splitlines()) < set(after.splitlines())
    assert "title: Press Council" in after
    assert (folder / "partners/press/password").read_text().strip() not in out
    page = (folder / "partners/press/README.md").read_text("utf-8")
    assert "dfwg.meetings.events.v1" in page
    assert "contacts" not in page
    assert "secretariat runs" in vetika("partner", "remove", "press")[1]
    assert file.read_text("utf-8") == before
    assert not (folder / "partners/press").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("add", "university", "--topics", "meetings"), "There is a partner university already"),
        (("add", "press", "--topics", "contacts"), "contacts are personal data"),
        (("add", "Press", "--topics", "meetings"), "name: must be 1 to 30 lower-case"),
        (("add", "press", "--topics", ","), "topics: at least one must be given"),
        (("add", "dfwg", "--topics", "meetings"), "dfwg is the coalition's own name"),
        (("remove", "press"), "There is no partner press; there are: policy-observatory, university"),
    ],
)
def test_a_partner_that_cannot_be_changes_nothing(vetika, file, folder, arguments, sentence):
    """Neither the file nor a folder."""
    before = file.read_text("utf-8")
    status, _, err = vetika("partner", *arguments)
    assert status == 1
    assert sentence in err
    assert (file.read_text("utf-8"), folder.exists()) == (before, False)


def test_the_first_partner_of_a_file_without_any():
    """The key is not there, or has nothing below it."""
    for text in ("coalition: dfwg\n", "coalition: dfwg\npartners:\n"):
        added = with_partner(text, name="press", title=None, topics=["meetings"])
        assert added == "coalition: dfwg\npartners:\n  - name: press\n    topics:\n      - meetings\n"
        assert without_partner(added, name="press") == "coalition: dfwg\npartners: []\n"
    with pytest.raises(UserError, match="there are: none"):
        without_partner("coalition: dfwg\n", name="press")


def test_applying_without_files_is_refused_with_a_sentence(tmp_path, capsys):
    """Before anything is asked of Kafka."""
    given = ["--rights", str(tmp_path / "rights.yml"), "--verifiers", str(tmp_path / "verifiers.json")]
    assert main(["hosting", "apply", *given]) == 1
    assert "`./vetika hosting render` makes it" in capsys.readouterr().err
    for name in ("rights.yml", "verifiers.json"):
        (tmp_path / name).write_text("")
    assert main(["hosting", "apply", *given]) == 1
    assert "cannot be used" in capsys.readouterr().err

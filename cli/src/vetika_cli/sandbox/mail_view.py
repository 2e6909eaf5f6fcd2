"""Looking at the mails: JSON for programs, plain pages for people."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Flask, Response, abort, jsonify, render_template, request

from vetika_cli.sandbox.mail_store import MailStore, Part

SHOWN = 200  # messages on the page; JSON has all


def mail_view(store: MailStore) -> Flask:
    """The application over the store's messages."""
    app = Flask("vetika_cli.sandbox")
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # of the default provider
    routes = Blueprint("mail", __name__)

    @routes.get("/messages")
    def messages() -> Response:
        found = store.summaries(to=request.args.get("to"))
        after = request.args.get("after", default=0, type=int)
        return jsonify({"items": [asdict(one) for one in found if one.number > after]})

    @routes.get("/messages/<int:number>")
    def message(number: int) -> Response:
        parts = [_described(index, part) for index, part in enumerate(_parts(store, number))]
        summary = store.summary(number)
        return jsonify({**(asdict(summary) if summary else {}), "parts": parts})

    @routes.get("/messages/<int:number>.eml")
    def raw(number: int) -> Response:
        _parts(store, number)
        return Response(store.raw(number), content_type="message/rfc822")

    @routes.get("/messages/<int:number>/parts/<int:index>")
    def part(number: int, index: int) -> Response:
        parts = _parts(store, number)
        if index >= len(parts):
            abort(404)
        shown = parts[index]
        charset = "; charset=utf-8" if shown.text is not None else ""
        response = Response(shown.content, content_type=f"{shown.content_type}{charset}")
        # What a mail brings may be shown, but nothing in it may run, load or call.
        response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
        if shown.filename:
            response.headers.set("Content-Disposition", "attachment", filename=shown.filename)
        return response

    @routes.get("/")
    def page() -> str:
        found = store.summaries(to=request.args.get("to") or None)
        return render_template("mails.html", messages=found[::-1][:SHOWN], count=len(found))

    @routes.get("/mails/<int:number>")
    def mail_page(number: int) -> str:
        parts = _parts(store, number)
        return render_template("mail.html", message=store.summary(number), parts=list(enumerate(parts)))

    app.register_blueprint(routes)
    return app


def _parts(store: MailStore, number: int) -> list[Part]:
    try:
        return store.parts(number)
    except KeyError:
        abort(404)


def _described(index: int, part: Part) -> dict[str, Any]:
    return {
        "index": index,
        "content_type": part.content_type,
        "filename": part.filename,
        "size": len(part.content),
        "text": part.text,
    }

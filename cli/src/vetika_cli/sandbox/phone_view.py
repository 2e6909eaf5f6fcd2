"""Looking at the SMS: JSON for programs, a plain page for people."""

from dataclasses import asdict

from flask import Blueprint, Response, abort, jsonify, render_template, request

from vetika_cli.sandbox.phone_store import PhoneStore

SHOWN = 200  # messages on the page; JSON has all


def phone_view(store: PhoneStore) -> Blueprint:
    """The routes over the store's messages."""
    routes = Blueprint("view", __name__)

    @routes.get("/messages")
    def messages() -> Response:
        after = request.args.get("after", default=0, type=int)
        found = store.messages(to=request.args.get("to"))
        return jsonify({"items": [asdict(message) for message in found if message.number > after]})

    @routes.get("/messages/<int:number>")
    def message(number: int) -> Response:
        return jsonify(asdict(store.get(number) or abort(404)))

    @routes.get("/")
    def page() -> str:
        found = store.messages(to=request.args.get("to") or None)
        return render_template("phone.html", messages=found[::-1][:SHOWN], count=len(found))

    return routes

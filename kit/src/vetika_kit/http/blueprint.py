"""The blueprint for endpoint families: flask-smorest's documentation, a straight way through a request."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final, TypeVar

import flask_smorest
from flask import Response, current_app, request
from flask_smorest.utils import unpack_tuple_response
from marshmallow import EXCLUDE, Schema, ValidationError, fields
from werkzeug.datastructures import MultiDict

from vetika_kit.http.bodies import read_json
from vetika_kit.http.problems import Problem
from vetika_kit.http.validation import invalid_fields

AnyView = TypeVar("AnyView", bound=Callable[..., Any])

HEADERS: Final = "vetika_headers"  # a view's attribute: the names of the headers that it reads
STRICT: Final = "vetika_strict_body"  # a view's attribute: it reads its JSON by `read_json`
_NO_CONTENT: Final = 204


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc] # flask-smorest publishes no types
    """A family of endpoints.

    Documents exactly as flask-smorest does. The call itself does not pass through webargs: JSON is read
    strictly (`vetika_kit.http.bodies`), every wrong field is named by pointer, and a query parameter that
    the schema does not know is refused.
    """

    def route(self, rule: str, **options: Any) -> Callable[[AnyView], AnyView]:
        """Register a plain function for a rule; see `flask.Blueprint.route`."""
        return super().route(rule, **options)  # type: ignore[no-any-return]

    def arguments(
        self, schema: type[Schema] | Schema, *, location: str = "json", **documentation: Any
    ) -> Callable[[AnyView], AnyView]:
        """Load a part of the request with a schema and pass it on as the next positional argument.

        Args:
            schema: Loads it.
            location: ``json``, ``query``, ``headers``, ``path`` or ``form``.
            documentation: As in flask-smorest: ``required``, ``description``, ``example``, ``examples``,
                ``content_type``. With ``required=False`` an absent body loads as ``{}``.
        """
        document = super().arguments(schema, location=location, **documentation)
        instance = schema() if isinstance(schema, type) else schema
        read = _READERS[location]
        required = bool(documentation.get("required", True))

        def decorate(view: AnyView) -> AnyView:
            @wraps(document(view))
            def loaded(*args: Any, **kwargs: Any) -> Any:
                try:
                    value = instance.load(
                        read(instance, required), unknown=EXCLUDE if location == "headers" else None
                    )
                except ValidationError as error:
                    raise invalid_fields(error.messages, location=location, schema=instance) from None
                return view(*args, value, **kwargs)

            setattr(loaded, STRICT, True)
            if location == "headers":
                names = (declared.data_key or name for name, declared in instance.fields.items())
                setattr(loaded, HEADERS, (*getattr(view, HEADERS, ()), *names))
            return loaded  # type: ignore[return-value]

        return decorate

    def response(
        self, status_code: int, schema: type[Schema] | Schema | None = None, **documentation: Any
    ) -> Callable[[AnyView], AnyView]:
        """Dump what the view returns with a schema; a response object is passed on as it is."""
        document = super().response(status_code, schema, **documentation)
        instance = schema() if isinstance(schema, type) else schema

        def decorate(view: AnyView) -> AnyView:
            @wraps(document(view))
            def answered(*args: Any, **kwargs: Any) -> Response:
                result, status, headers = unpack_tuple_response(view(*args, **kwargs))
                if not isinstance(result, Response):
                    body = instance.dump(result) if isinstance(instance, Schema) else result
                    result = (
                        Response(status=status_code)
                        if status_code == _NO_CONTENT
                        else Response(
                            current_app.json.dumps(body), status=status_code, mimetype="application/json"
                        )
                    )
                if status is not None:
                    result.status_code = int(status)
                if headers:
                    result.headers.extend(headers)
                return result

            return answered  # type: ignore[return-value]

        return decorate

    def alt_response(
        self, status_code: int, *args: Any, **documentation: Any
    ) -> Callable[[AnyView], AnyView]:
        """Document another answer; see flask-smorest."""
        document = super().alt_response(status_code, *args, **documentation)

        def decorate(view: AnyView) -> AnyView:
            view._apidoc = document(view)._apidoc  # type: ignore[attr-defined]  # noqa: SLF001 - flask-smorest's mark on a view
            return view

        return decorate

    def doc(self, **documentation: Any) -> Callable[[AnyView], AnyView]:
        """Add to an operation's documentation; see flask-smorest."""
        document = super().doc(**documentation)

        def decorate(view: AnyView) -> AnyView:
            view._apidoc = document(view)._apidoc  # type: ignore[attr-defined]  # noqa: SLF001 - flask-smorest's mark on a view
            return view

        return decorate


def _json(_schema: Schema, required: bool) -> Any:  # noqa: FBT001 - one of four readers
    if not request.environ.get("CONTENT_LENGTH") and not request.get_data(cache=True):
        if required:
            raise Problem(400, "body-missing", "The request needs a JSON body.")
        return {}
    return read_json()


def _query(schema: Schema, _required: bool) -> Any:  # noqa: FBT001
    return _plain(request.args, schema)


def _form(schema: Schema, _required: bool) -> Any:  # noqa: FBT001
    return _plain(request.form, schema)


def _headers(_schema: Schema, _required: bool) -> Any:  # noqa: FBT001
    return dict(request.headers)


def _path(_schema: Schema, _required: bool) -> Any:  # noqa: FBT001
    return request.view_args or {}


def _plain(values: "MultiDict[str, str]", schema: Schema) -> dict[str, Any]:
    lists = {
        declared.data_key or name
        for name, declared in schema.fields.items()
        if isinstance(declared, fields.List)
    }
    found: dict[str, Any] = {}
    for name, given in values.lists():
        if name in lists:
            found[name] = given
        elif len(given) > 1:
            raise invalid_fields({name: ["Given more than once."]}, location="query")
        else:
            found[name] = given[0]
    return found


_READERS: Final[Mapping[str, Callable[[Schema, bool], Any]]] = {
    "json": _json,
    "query": _query,
    "querystring": _query,
    "form": _form,
    "headers": _headers,
    "path": _path,
}

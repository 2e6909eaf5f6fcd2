"""Tokens and roles."""

import base64
import json
import os
from datetime import timedelta

import jwt
import pytest

from vetika_kit.config import ConfigurationError, Mode
from vetika_kit.http.access import Role
from vetika_kit.http.tokens import TokenVerifier, new_private_key, public_key_set


def test_a_public_route_takes_anybody_and_knows_who_shows_a_token(client, bearer):
    """Without a token one is anonymous, with a good one the principal is set."""
    assert client.get("/v1/whoami").json["subject"] == "anonymous"
    known = client.get("/v1/whoami", headers=bearer(Role.ORGANIZATION, organization_id="org-1")).json
    assert known == {"subject": "someone", "roles": ["organization", "public"], "organization": "org-1"}


def test_a_bad_token_is_refused_even_where_none_is_needed(client):
    """Who shows a token means to be somebody; a bad one is not taken for nobody."""
    response = client.get("/v1/whoami", headers={"Authorization": "Bearer nonsense"})
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    assert client.get("/v1/whoami", headers={"Authorization": "Basic eDp5"}).status_code == 401


def test_a_role_is_needed_where_one_is_declared(client, bearer):
    """401 without a token, 403 with a token of another role."""
    missing = client.put("/v1/notes/x", json={"title": "a"})
    assert missing.status_code == 401
    assert missing.headers["WWW-Authenticate"] == 'Bearer realm="vetika"'
    wrong = client.put("/v1/notes/x", json={"title": "a"}, headers=bearer(Role.PARTNER, Role.OPERATOR))
    assert wrong.status_code == 403
    right = client.put("/v1/notes/x", json={"title": "a"}, headers=bearer(Role.SECRETARIAT))
    assert right.status_code == 404


def test_access_is_judged_before_the_body_is_read(client):
    """A stranger does not learn what a body should look like."""
    assert client.put("/v1/notes/x", data=b"{", content_type="application/json").status_code == 401


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256"])
def test_both_algorithms_are_accepted(client, config, bearer, algorithm):
    """Ed25519 and P-256 keys sign good tokens."""
    key = new_private_key(kid="other", algorithm=algorithm)
    _write(config, public_key_set(key))
    _look_again(client)
    assert client.get("/v1/whoami", headers=bearer(key=key)).status_code == 200


def test_a_token_for_others_or_of_another_time_is_refused(client, bearer, clock):
    """Audience, issuer, expiry and not-before are checked, with half a minute for clocks that differ."""
    now = clock.now()
    for changes in (
        {"audience": "others"},
        {"issuer": "others"},
        {"now": now - timedelta(hours=2)},
        {"now": now + timedelta(minutes=2)},
        {"key": new_private_key(kid="test-1")},
        {"key": new_private_key(kid="unknown")},
    ):
        assert client.get("/v1/whoami", headers=bearer(**changes)).status_code == 401, changes
    for changes in ({"now": now - timedelta(hours=1, seconds=20)}, {"now": now + timedelta(seconds=20)}):
        assert client.get("/v1/whoami", headers=bearer(**changes)).status_code == 200, changes


def test_a_token_that_was_good_ends_when_it_ends(client, bearer, clock):
    """That a signature was checked before does not make a token live longer."""
    headers = bearer()
    assert client.get("/v1/whoami", headers=headers).status_code == 200
    clock.advance(hours=1, seconds=31)
    assert client.get("/v1/whoami", headers=headers).status_code == 401


def test_tricks_with_the_algorithm_are_refused(client, config, clock, signing_key):
    """Neither `none` nor a public key taken for a shared secret opens anything."""
    now = int(clock.now().timestamp())
    claims = {
        "iss": config.token_issuer, "aud": config.token_audience, "sub": "x", "iat": now, "exp": now + 60,
        "roles": ["operator"],
    }  # fmt: skip
    headers = {"kid": "test-1"}
    secret = base64.urlsafe_b64decode(signing_key["x"] + "==")
    for token in (
        jwt.encode(claims, None, algorithm="none", headers=headers),
        jwt.encode(claims, secret, algorithm="HS256", headers=headers),
    ):
        assert client.get("/v1/whoami", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_claims_of_a_wrong_shape_are_refused(client, config, clock, signing_key):
    """A well-signed token with nonsense in it is a 401, not a 500."""
    now = int(clock.now().timestamp())
    base = {"iss": config.token_issuer, "aud": config.token_audience, "sub": "x", "iat": now, "exp": now + 60}
    key = jwt.PyJWK(signing_key)
    for claims in (
        {**base, "roles": "operator"},
        {**base, "org": 7},
        {**base, "exp": "soon"},
        {**base, "sub": 7},
    ):
        token = (
            jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": "test-1"})
            if claims["sub"] != 7
            else "a.b.c"
        )
        assert client.get("/v1/whoami", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    token = jwt.encode({**base, "roles": ["king", "partner", 7]}, key, headers={"kid": "test-1"})
    assert client.get("/v1/whoami", headers={"Authorization": f"Bearer {token}"}).json["roles"] == [
        "partner",
        "public",
    ]


def test_a_key_that_is_taken_out_of_the_file_opens_nothing_any_more(client, config, bearer):
    """Keys are changed without a restart, and tokens of a removed key end at once."""
    headers = bearer()
    assert client.get("/v1/whoami", headers=headers).status_code == 200
    fresh = new_private_key(kid="test-2")
    _write(config, public_key_set(fresh))
    _look_again(client)
    assert client.get("/v1/whoami", headers=headers).status_code == 401
    assert client.get("/v1/whoami", headers=bearer(key=fresh)).status_code == 200


def test_a_broken_file_leaves_the_former_keys_in_force(client, config, bearer):
    """A half-written file locks nobody out."""
    with open(config.jwks_file, "w", encoding="utf-8") as file:  # noqa: PTH123 - as a careless tool would
        file.write("{")
    _look_again(client)
    assert client.get("/v1/whoami", headers=bearer()).status_code == 200


def test_keys_of_an_embedded_run_are_refused_when_hosted(config, clock, client, bearer):
    """A development key stops the start, and is ignored when it appears later."""
    key = new_private_key(kid="embedded-1")
    _write(config, public_key_set(key))
    with pytest.raises(ConfigurationError, match="embedded"):
        TokenVerifier(config=config, clock=clock)
    _look_again(client)
    assert client.get("/v1/whoami", headers=bearer(key=key)).status_code == 401


def test_keys_of_an_embedded_run_are_good_in_an_embedded_run(config, clock, signing_key, bearer):
    """What an installation made for itself it accepts itself."""
    from dataclasses import replace  # noqa: PLC0415

    key = new_private_key(kid="embedded-1")
    _write(config, public_key_set(key))
    verifier = TokenVerifier(config=replace(config, mode=Mode.EMBEDDED), clock=clock)
    token = bearer(Role.OPERATOR, key=key)["Authorization"].removeprefix("Bearer ")
    found = verifier.verify(token)
    assert found is not None
    assert Role.OPERATOR in found.roles


def test_a_public_key_set_holds_no_private_half():
    """What is published of a key is its public half."""
    for algorithm in ("EdDSA", "ES256"):
        key = new_private_key(kid="k", algorithm=algorithm)
        assert "d" in key
        assert "d" not in public_key_set(key)["keys"][0]


def test_a_missing_key_file_stops_the_start(config, clock):
    """A service that could check no token says so at once."""
    os.unlink(config.jwks_file)  # noqa: PTH108
    with pytest.raises(ConfigurationError, match="VETIKA_JWKS_FILE"):
        TokenVerifier(config=config, clock=clock)


def _write(config, document) -> None:
    with open(config.jwks_file, "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(document, file)


def _look_again(client) -> None:
    client.application.extensions["vetika"].tokens._looked_at = float("-inf")

"""The key set that other organizations check tokens with."""


def test_only_public_parts_are_shown(client):
    """The keys are there, and nothing private of them."""
    keys = client.get("/.well-known/jwks.json").json["keys"]
    assert [key["kid"] for key in keys] == ["test"]
    assert not any("d" in key for key in keys)

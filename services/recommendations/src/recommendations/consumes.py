"""What recommendations hears: which forums there are."""

from marshmallow import fields

from recommendations.store.forums import HeardForums
from vetika_kit.events import ReaderSchema, Received
from vetika_kit.handlers import handles


class ForumHeard(ReaderSchema):
    """What recommendations needs to know of a forum."""

    forum_id = fields.String(required=True)
    version = fields.Integer(required=True)
    status = fields.String(required=True)
    theme = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    date = fields.Date(required=True)


@handles("forum.announced.v1", reads=ForumHeard, service="meetings")
@handles("forum.updated.v1", reads=ForumHeard, service="meetings")
@handles("forum.registration-opened.v1", reads=ForumHeard, service="meetings")
@handles("forum.registration-closed.v1", reads=ForumHeard, service="meetings")
@handles("forum.cancelled.v1", reads=ForumHeard, service="meetings")
def learn_of_a_forum(event: Received, *, forums: HeardForums) -> None:
    """Keep the newest that is known of it: a recommendation names the forum that it came out of."""
    heard = event.data
    forums.learn(
        heard["forum_id"],
        version=heard["version"],
        status=heard["status"],
        theme=heard["theme"],
        day=heard["date"],
    )

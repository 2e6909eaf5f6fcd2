"""What the rules say no with; the API turns each into a problem answer."""


class UnknownForumError(Exception):
    """Nothing was heard of the forum that a recommendation is said to come from."""


class UnknownRecommendationError(Exception):
    """There is no such recommendation, or none that this caller may read."""

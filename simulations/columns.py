"""Which column of a table is what: guessed from a list of names, or said by the scenario."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from simulations.datasets import DatasetError

Role = Literal["user", "item", "rating", "time", "text", "genres"]
ROLES: tuple[Role, ...] = get_args(Role)
NEEDED: tuple[Role, ...] = ("user", "item")
LEFT_OUT = "-"
"""What a scenario gives for a column that is not to be read."""

SYNONYMS: dict[Role, tuple[str, ...]] = {
    "user": (
        "user", "user_id", "userid", "uid", "person", "person_id", "customer", "customer_id", "customerid",
        "visitor", "visitor_id", "visitorid", "member", "member_id", "account", "account_id", "reader_id",
        "reviewer", "reviewer_id", "reviewerid", "subject", "subject_id", "device_id", "client_id", "profile_id",
    ),
    "item": (
        "item", "item_id", "itemid", "iid", "movie", "movie_id", "movieid", "product", "product_id", "productid",
        "article", "article_id", "book", "book_id", "isbn", "asin", "parent_asin", "sku", "track", "track_id",
        "song", "song_id", "artist", "artist_id", "video_id", "game_id", "news_id", "recipe_id", "business_id",
        "content_id", "anime_id", "poi_id", "venue_id",
    ),
    "rating": ("rating", "ratings", "score", "stars", "star_rating", "overall", "book_rating", "preference"),
    "time": (
        "time", "timestamp", "ts", "event_time", "datetime", "date", "unix_time", "unixreviewtime", "review_time",
        "rated_at", "created_at", "event_timestamp", "interaction_time", "t",
    ),
    "text": (
        "title", "item_title", "item_text", "item_name", "movie_title", "product_title", "product_name",
        "book_title", "track_name", "name", "description", "text",
    ),
    "genres": ("genres", "genre", "categories", "category", "class", "tags"),
}  # fmt: skip
"""Names of columns by role, the first that occurs wins; case, blanks and a `:type` suffix do not matter."""


def plain(name: str) -> str:
    """Return a column's name as the synonyms are written.

    >>> plain(" User ID"), plain("item_id:token")
    ('user_id', 'item_id')
    """
    return re.sub(r"[^0-9a-z]+", "_", name.partition(":")[0].strip().lower()).strip("_")


def resolve(
    file: str, names: Sequence[str], asked: Mapping[Role, str | int | None], *, needed: Sequence[Role]
) -> dict[Role, int]:
    """Find each role's column.

    Args:
        file: for messages.
        names: the header, as written.
        asked: by role a column's name, its number from 1, "-" to leave it out, or None to guess.
        needed: roles that must have a column.

    Returns:
        The position of each column found, from 0.

    Raises:
        DatasetError: a column is missing, asked for in vain, or two roles share one.
    """
    found: dict[Role, int] = {}
    for role in ROLES:
        wish = asked.get(role)
        place = _asked(file, names, role, wish) if wish is not None else _guessed(file, names, role)
        if place is not None:
            found[role] = place
    for role in needed:
        if role not in found:
            raise DatasetError(
                f"{file}: no column looks like the {role}: {_listed(names)}; it may be called "
                f"{', '.join(SYNONYMS[role][:4])} and the like, or be named with --set dataset.columns.{role}=NAME; "
                "a file without a header needs --set dataset.header=false and numbers, --set dataset.columns.user=1"
            )
    roles = list(found)
    for index, role in enumerate(roles):
        for other in roles[:index]:
            if found[role] == found[other]:
                raise DatasetError(
                    f"{file}: column {names[found[role]]!r} cannot be both {other} and {role}; name another "
                    f"with --set dataset.columns.{role}=NAME, or leave it out with --set dataset.columns.{role}=-"
                )
    return found


def _asked(file: str, names: Sequence[str], role: Role, wish: str | int) -> int | None:
    if wish == LEFT_OUT:
        return None
    if isinstance(wish, int):
        if not 1 <= wish <= len(names):
            raise DatasetError(
                f"{file}: has {len(names)} columns; dataset.columns.{role}={wish} must be 1 to {len(names)}"
            )
        return wish - 1
    places = [place for place, name in enumerate(names) if name.strip() == wish]
    places = places or [place for place, name in enumerate(names) if plain(name) == plain(wish)]
    if len(places) != 1:
        many = "no column is" if not places else f"{len(places)} columns are"
        raise DatasetError(
            f"{file}: {many} called {wish!r}: {_listed(names)}; mend --set dataset.columns.{role}=NAME"
        )
    return places[0]


def _guessed(file: str, names: Sequence[str], role: Role) -> int | None:
    known = [plain(name) for name in names]
    for synonym in SYNONYMS[role]:
        if known.count(synonym) > 1:
            raise DatasetError(
                f"{file}: two columns are called {synonym!r}; say which is the {role} with "
                f"--set dataset.columns.{role}=NUMBER, counting from 1, or rename one"
            )
        if synonym in known:
            return known.index(synonym)
    return None


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:12])
    return f"the columns are {shown}{' ...' if len(names) > 12 else ''}"

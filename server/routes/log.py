"""The public log as any C2SP client reads it: its signed head, tiles of hashes, bundles of entries, and proofs.

Source: c2sp.org/tlog-tiles; the prefix is /log.
"""

from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, HTTPException, Path, Request, Response

from privacy.acts import KeyPurpose
from privacy.tiles import WIDTH, entry_bundles, tile_index
from server.database import reading
from server.ledger_store import StoredLedger
from server.log_keeper import LogKeeper
from server.problems import responses
from server.schemas import PinsOut

Answers: TypeAlias = dict[int | str, dict[str, Any]]
router = APIRouter(tags=["public log"], responses=responses(404, 422, 500, 503))
FOR_EVER = {"cache-control": "public, max-age=31536000, immutable"}
NOTE: Answers = {
    200: {"content": {"text/plain": {"example": "penchant.example/log\n7\n...\n"}}, "description": "A note"}
}
BYTES: Answers = {
    200: {
        "content": {"application/octet-stream": {"schema": {"type": "string"}, "example": "bytes"}},
        "description": "The tile",
    }
}
Level = Annotated[int, Path(ge=0, le=7, description="of the tile, 0 over the entries", examples=[0])]
Place = Annotated[
    str,
    Path(
        pattern=r"^(x[0-9]{3}/){0,4}[0-9]{3}(\.p/[0-9]{1,3})?$",
        description="number of the tile in groups of three digits, and its width where it is partial",
        examples=["000.p/7"],
    ),
]
Position = Annotated[int, Path(ge=0, le=2**53 - 1, description="of an entry, from 0", examples=[0])]
Replaced = Annotated[KeyPurpose, Path(description="what the key signs", examples=["receipt"])]


def keeper_of(request: Request) -> LogKeeper:
    """Return who keeps the application's logs."""
    found: LogKeeper = request.app.state.keeper
    return found


@router.get("/log/pins.json", summary="Whose logs these are", response_model=PinsOut)
def pins(request: Request) -> Response:
    """Pin it: what signs the logs is worth as much as how you came by it."""
    return Response(keeper_of(request).logs.pins.encode(), media_type="application/json")


@router.get(
    "/log/checkpoint", summary="The public log's signed head", response_class=Response, responses=NOTE
)
def checkpoint(request: Request) -> Response:
    """A C2SP checkpoint; every earlier one is a beginning of it."""
    by = keeper_of(request).logs.public
    with reading(request.app.state.engine) as connection:
        note = StoredLedger(connection).checkpoint(by)
    return Response(note, media_type="text/plain; charset=utf-8")


@router.get(
    "/log/proofs/{position}",
    summary="The proof of one entry",
    response_class=Response,
    responses=NOTE,
)
def proof(request: Request, position: Position) -> Response:
    """c2sp.org/tlog-proof@v1, under a head of now; rotations of the log's key stand in its `extra` line."""
    by = keeper_of(request).logs.public
    with reading(request.app.state.engine) as connection:
        stored = StoredLedger(connection)
        if position >= stored.tree.size:
            raise HTTPException(404)
        found = stored.proof_at(position, stored.checkpoint(by))
    return Response(found, media_type="text/plain; charset=utf-8")


@router.get(
    "/log/rotations/{purpose}",
    summary="How a key was replaced",
    response_class=Response,
    responses=NOTE,
)
def rotations(request: Request, purpose: Replaced) -> Response:
    """The proof of its newest rotation, with those before it beside it: for whoever pinned an earlier key."""
    by = keeper_of(request).logs.public
    with reading(request.app.state.engine) as connection:
        stored = StoredLedger(connection)
        places = [at for at, event in stored.rotations() if event.purpose == purpose]
        if not places:
            raise HTTPException(404)
        found = stored.proof_at(places[-1], stored.checkpoint(by), purposes=("log", purpose))
    return Response(found, media_type="text/plain; charset=utf-8")


@router.get(
    "/log/tile/entries/{place:path}",
    summary="A bundle of entries",
    response_class=Response,
    responses=BYTES,
)
def entries(request: Request, place: Place) -> Response:
    """Up to 256 entries, each after its length in two bytes."""
    index, width = _tile(place)
    with reading(request.app.state.engine) as connection:
        page = StoredLedger(connection).leaves(after=index * WIDTH - 1, limit=width)
    if len(page) < width:
        raise HTTPException(404)
    ((_, data),) = entry_bundles([leaf.encode() for _, leaf in page])
    return Response(data, media_type="application/octet-stream", headers=FOR_EVER)


@router.get(
    "/log/tile/{level}/{place:path}", summary="A tile of hashes", response_class=Response, responses=BYTES
)
def tile(request: Request, level: Level, place: Place) -> Response:
    """Up to 256 hashes of 32 bytes, of complete subtrees of 256 to the power of the level."""
    index, width = _tile(place)
    with reading(request.app.state.engine) as connection:
        hashes = StoredLedger(connection).tree.row(8 * level, start=index * WIDTH, count=width)
    if len(hashes) < width:
        raise HTTPException(404)
    return Response(b"".join(hashes), media_type="application/octet-stream", headers=FOR_EVER)


def _tile(place: str) -> tuple[int, int]:
    index, width = tile_index(place)
    if not 1 <= width <= WIDTH:
        raise HTTPException(404)
    return index, width

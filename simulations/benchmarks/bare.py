"""The peer of the consent benchmark: a FastAPI endpoint that does one indexed write, and nothing else."""

import sys

from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import BigInteger, Column, MetaData, String, Table, update

from server.database import open_engine, transaction
from server.serving import address_of, listen, say, serve

metadata = MetaData()
rows = Table(
    "bare_rows",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)


class Value(BaseModel):
    """What is written."""

    value: int


def bare_app(url: str) -> FastAPI:
    """Build the endpoint over a database."""
    engine, app = open_engine(url), FastAPI()

    @app.put("/rows/{name}")
    def write(name: str, body: Value) -> Value:
        with transaction(engine) as connection:
            connection.execute(update(rows).where(rows.c.name == name).values(value=body.value))
        return body

    return app


def main(url: str) -> None:
    """Serve it on a free port."""
    app, listening = bare_app(url), listen("127.0.0.1", 0)
    say(f"serving at {address_of(listening)} now")
    serve(app, listening)


if __name__ == "__main__":
    main(sys.argv[1])

"""The invented stations' film, live: what their acts keep is handed to the relay of the server in this process.

A server that was started anew does not know how a recording began, and asks its station to begin anew. The play's would make
another record then than a play that was never killed; so its recording goes on, and only its head is said once more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI

from api.demo.film import HEAD
from api.demo.play import Play
from api.media import tracks_of
from archive.errors import Refusal
from evaluation.witness.media.service import Name


@contextmanager
def on_screen(play: Play, app: FastAPI) -> Iterator[None]:
    """While this goes on, in the thread that serves `app`, film of the play is shown there."""
    loop = asyncio.get_running_loop()

    def hand_on(name: Name, piece: bytes) -> None:
        tracks = tracks_of(app)
        try:
            tracks.show(name, piece)
        except Refusal:
            tracks.show(name, HEAD)
            tracks.show(name, piece)

    def show(name: Name, piece: bytes) -> None:
        loop.call_soon_threadsafe(hand_on, name, piece)

    play.screen = show
    try:
        yield
    finally:
        play.screen = None

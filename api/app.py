"""The HTTP application: routes, pages, socket, and what stands around them.

`create_app` is given an open office on a migrated database; it opens and migrates nothing. The
description of the JSON interface is at /openapi.json; there are no pages that load scripts from
elsewhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.openapi.utils import get_openapi
from starlette.responses import JSONResponse
from starlette.staticfiles import StaticFiles

from api import access, live, media, notices, problems
from api.access import Public
from api.admission import Admission
from api.hub import Hubs
from api.middleware import Guard
from api.pages import (
    appraising,
    bidder,
    bidder_money,
    board,
    centre,
    centre_credit,
    centre_money,
    centre_recorder,
    centre_recording,
    desk,
    entrance,
    expert,
    expert_voice,
    fair,
    figures,
    gallery,
    interface,
    lots,
    names,
    pool,
    public,
    registers,
    screens,
    supervisor,
    supervisor_money,
    supervisor_plans,
    tenderer,
    tenderer_money,
)
from api.pages import guarantees as guarantee_pages
from api.pages import problems as problem_pages
from api.pages import trustees as trustee_pages
from api.pages.kit import fragments
from api.routes import (
    awards,
    dossiers,
    draws,
    guarantees,
    health,
    lodging,
    objections,
    opening,
    payments,
    projects,
    recorders,
    sessions,
    sign_in,
    stations,
    telephony,
    trustees,
    voices,
)
from api.settings import Settings
from api.shell import Shell
from api.wakeups import waking
from archive.custody import Custodian
from archive.office import Office

STATIC = Path(__file__).parent / "static"
ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    sign_in.router,
    lodging.router,
    projects.router,
    opening.router,
    objections.router,
    draws.router,
    telephony.router,
    trustees.router,
    sessions.router,
    stations.router,
    recorders.router,
    voices.router,
    awards.router,
    dossiers.router,
    payments.router,
    guarantees.router,
    live.router,
    media.router,
    notices.router,
    board.router,
    entrance.router,
    interface.router,
    problem_pages.router,
    fragments.router,
    gallery.router,
    centre.router,
    centre_recorder.router,
    centre_recording.router,
    lots.router,
    names.router,
    expert.router,
    expert_voice.router,
    supervisor.router,
    desk.router,
    screens.router,
    supervisor_plans.router,
    bidder.router,
    tenderer.router,
    pool.router,
    registers.router,
    appraising.router,
    bidder_money.router,
    centre_money.router,
    centre_credit.router,
    supervisor_money.router,
    tenderer_money.router,
    public.router,
    fair.router,
    trustee_pages.router,
    figures.router,
    guarantee_pages.router,
)
"""Every router of the product; a new one is added here."""


def create_app(
    office: Office,
    settings: Settings,
    custodian: Custodian,
    *,
    beside: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> FastAPI:
    """The application. `beside` is entered at start-up and left at the end (the worker thread)."""
    shell = Shell(office, settings, custodian)

    hubs, pulse = Hubs(office), notices.Pulse(office)

    def heard(streams: frozenset[str]) -> None:
        hubs.wake(streams)
        pulse.wake(streams)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        with waking(office, heard), beside():
            yield
            await run_in_threadpool(shell.lodgings.close)
            await run_in_threadpool(shell.appends.close)

    app = FastAPI(
        title="bigloop",
        version="0.1.0",
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=problems.RESPONSES,
        strict_content_type=True,
    )
    app.state.shell = shell
    app.state.hubs = hubs
    app.state.pulse = pulse
    app.state.tracks = media.Tracks()
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    app.include_router(_description(app))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(Guard)
    app.add_middleware(Admission)
    access.check_declared(app.routes)
    return app


def _description(app: FastAPI) -> APIRouter:
    router = APIRouter()

    @router.get("/openapi.json", include_in_schema=False)
    def openapi(_: Public) -> JSONResponse:
        return JSONResponse(description(app))

    return router


def description(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the JSON interface, problems included."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, routes=app.routes)
        made.setdefault("components", {}).setdefault("schemas", {})["Problem"] = problems.SCHEMA
        for path in made["paths"].values():
            for operation in path.values():
                # FastAPI describes its own form of validation error, which we never send.
                operation["responses"]["422"] = problems.RESPONSES[422]
        app.openapi_schema = made
    return app.openapi_schema

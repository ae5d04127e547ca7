"""The control port of the sandbox, off by default. With it a test stops the database or pauses the synchroniser."""

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.postgres import MODES, Postgres
from sandbox.synchroniser import pause, resume, synchronise

if TYPE_CHECKING:
    import asyncpg


def build_box_control(postgres: Postgres, pool: "asyncpg.Pool[asyncpg.Record]") -> Starlette:
    """The app: POST /database/stop?mode=, /database/start, /synchronise, /synchroniser/pause and /resume, /reset."""

    async def stop(request: Request) -> Response:
        mode = request.query_params.get("mode", "immediate")
        if mode not in MODES:
            return JSONResponse({"error": f"mode is one of {', '.join(MODES)}"}, 400)
        await postgres.stop(mode)
        return JSONResponse({"database": "stopped"})

    async def start(_request: Request) -> Response:
        if postgres.pid is None:
            await postgres.start()
        return JSONResponse({"database": "running"})

    async def copy(_request: Request) -> Response:
        return JSONResponse({"copied": await synchronise(pool)})

    async def still(_request: Request) -> Response:
        await pause(pool)
        return JSONResponse({"synchroniser": "paused"})

    async def go_on(_request: Request) -> Response:
        await resume(pool)
        return JSONResponse({"synchroniser": "running"})

    async def reset(request: Request) -> Response:
        await start(request)
        return await go_on(request)

    handlers = {
        "/database/stop": stop,
        "/database/start": start,
        "/synchronise": copy,
        "/synchroniser/pause": still,
        "/synchroniser/resume": go_on,
        "/reset": reset,
    }
    return Starlette(routes=[Route(path, handler, methods=["POST"]) for path, handler in handlers.items()])

"""The HTTP application: which path does what, and how errors look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from workbench.errors import InputError, ModelNotFoundError, RequestError, StorageError, WorkbenchError
from workbench.registry import CHAMPION, models
from workbench.registry.repository import numbers, read_aliases
from workbench.service.answers import Question, plain_answer
from workbench.service.bodies import Bodies
from workbench.service.docs import docs_page
from workbench.service.loaded import Loaded, LoadedModels
from workbench.service.openapi import openapi_document
from workbench.service.protocol import metadata, read_tensors, tensor_answer
from workbench.service.rows import read_rows
from workbench.settings import Settings, current

if TYPE_CHECKING:
    from collections.abc import Awaitable

    Handler = Callable[[Request], Awaitable[Response]]

SMALL_BODY = 16 * 1024  # bytes; a larger one is read and answered beside the event loop
FEW_ROWS = 16  # so many rows cost less through a graph than the way to another thread and back


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the prediction service; mount it under any path, or run it alone with `serve`.

    Promotions and rollbacks are followed at the next request.

    Parameters
    ----------
    settings : Settings, optional
        Which model repository, and the limits of a request.
    """
    endpoints = _Endpoints(settings or current())
    # The handlers are plain Starlette routes: validation by a pydantic model of every number would cost more than the
    # prediction itself. FastAPI serves the OpenAPI document, which is written by hand for the same reason.
    # A server that it adds to the document for a mount would lack what a proxy has taken off.
    app = FastAPI(
        title="Workbench", docs_url=None, redoc_url=None, openapi_url="/openapi.json", root_path_in_servers=False
    )
    app.openapi = lambda: openapi_document(app.version)  # type: ignore[method-assign]
    app.router.routes[:0] = endpoints.routes()
    app.add_exception_handler(WorkbenchError, endpoints.answer_error)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(ClientDisconnect, answer_nobody)
    app.add_exception_handler(Exception, _answer_failure)
    return app


@dataclass(frozen=True)
class _Form:
    """One form of question and answer: plain rows, or tensors."""

    read: Callable[[bytes, Loaded, int], Question]
    answer: Callable[[Loaded, Question], bytes]


_PLAIN = _Form(
    lambda body, loaded, limit: read_rows(
        body, limit, columns=loaded.predictor.signature.types, images=_images(loaded)
    ),
    plain_answer,
)
_TENSORS = _Form(lambda body, loaded, limit: read_tensors(body, loaded.predictor.signature, limit), tensor_answer)


def _images(loaded: Loaded) -> str | None:
    column = loaded.predictor.signature.image
    return None if column is None else column.name


class _Endpoints:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.models = LoadedModels(settings)
        self.bodies = Bodies(settings.max_request_mib * 2**20)

    def routes(self) -> list[Route]:
        get, post = ["GET"], ["POST"]
        routes = [  # tried in this order, so what is asked most comes first
            Route("/predict/{model}", self.predict, methods=post),
            Route("/v2/models/{model}/infer", self.infer, methods=post),
            Route("/", _to_docs, methods=get),
            Route("/docs", _docs, methods=get),
            Route("/models", self.list_models, methods=get),
            Route("/v2", _server, methods=get),
            Route("/v2/health/live", _live, methods=get),
            Route("/v2/health/ready", self.ready, methods=get),
            Route("/v2/models/stats", _no_statistics, methods=get),  # Triton's; not a model of that name
        ]
        for model in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
            routes += [
                Route(model, self.metadata, methods=get),
                Route(f"{model}/ready", self.model_ready, methods=get),
            ]
        return [*routes, Route("/v2/models/{model}/versions/{version}/infer", self.infer, methods=post)]

    async def list_models(self, request: Request) -> Response:
        return _json({"models": await self.models.run(self._list_models)})

    def _list_models(self) -> list[dict[str, Any]]:
        listed = []
        for name in models(settings=self.settings):
            folder = self.settings.models / name
            try:
                aliases = read_aliases(folder)
            except StorageError:  # one damaged model mustn't hide the others; asking for it says what is wrong
                aliases = {}
            listed.append(
                {"name": name, "champion": aliases.get(CHAMPION), "aliases": aliases, "versions": numbers(folder)}
            )
        return listed

    async def ready(self, request: Request) -> Response:
        await self.models.run(lambda: models(settings=self.settings))
        return _json({"ready": True})

    async def metadata(self, request: Request) -> Response:
        loaded = await self._model(request)
        return _json(metadata(loaded, numbers(self.settings.models / loaded.name)))

    async def model_ready(self, request: Request) -> Response:
        loaded = await self._model(request)
        return _json({"name": loaded.name, "version": str(loaded.number), "ready": True})

    async def answer_error(self, request: Request, error: Exception) -> Response:
        return _json({"error": self.settings.without_folders(str(error))}, _status(error))

    async def predict(self, request: Request) -> Response:
        return await self._answer(request, _PLAIN)

    async def infer(self, request: Request) -> Response:
        return await self._answer(request, _TENSORS)

    async def _model(self, request: Request) -> Loaded:
        version = request.path_params.get("version") or request.query_params.get("version")
        return await self.models.get(request.path_params["model"], version)

    async def _answer(self, request: Request, form: _Form) -> Response:
        # The body first: a client that is answered while it still sends may never read the answer.
        async with self.bodies.read(request) as body:
            loaded = await self._model(request)
            limit = self.settings.max_request_rows
            if len(body) > SMALL_BODY:
                content = await self.models.run(lambda: form.answer(loaded, form.read(body, loaded, limit)))
            else:
                question = form.read(body, loaded, limit)
                if question.n_rows <= FEW_ROWS and loaded.predictor.engine == "onnx":
                    content = form.answer(loaded, question)
                else:
                    content = await self.models.run(lambda: form.answer(loaded, question))
        return Response(content, media_type="application/json")


def mounted(path: str, service: FastAPI) -> list[BaseRoute]:
    """Give the routes of a service below a path, with and without the last slash, for another application."""

    async def to_docs(request: Request) -> Response:
        return RedirectResponse(f"./{path.rpartition('/')[2]}/docs")

    return [Route(path, to_docs, methods=["GET"]), Mount(path, app=service)]


# Relative addresses, here and on the page: a proxy may have taken off a prefix that only the browser knows.
async def _to_docs(request: Request) -> Response:
    return RedirectResponse("./docs")


async def _docs(request: Request) -> Response:
    return HTMLResponse(docs_page(openapi_document(request.app.version)))


async def _server(request: Request) -> Response:
    return _json({"name": "workbench", "version": request.app.version, "extensions": []})


async def _live(request: Request) -> Response:
    return _json({"live": True})


async def _no_statistics(request: Request) -> Response:
    raise RequestError(
        "This service keeps no statistics of its models. Ask for one model with /v2/models/NAME, or for all with "
        "/models.",
        status=404,
    )


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")


def _status(error: Exception) -> int:
    if isinstance(error, RequestError):
        return error.status
    if isinstance(error, ModelNotFoundError):
        return 404
    if isinstance(error, InputError):
        return 422
    return 503  # the disk, a setting, a package: not the client's fault


async def _answer_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for this class only
    hints = {404: "Look at /docs for the paths that exist.", 405: "Look at /docs for the method of each path."}
    message = f"Got {request.method} {request.url.path}: {error.detail}. {hints.get(error.status_code, '')}".strip()
    answer = _json({"error": message}, error.status_code)
    answer.headers.update(error.headers or {})
    return answer


async def answer_nobody(request: Request, error: Exception) -> Response:
    """End a request whose client has left, without a traceback in the log: it isn't a failure."""
    return Response(status_code=499)


async def _answer_failure(request: Request, error: Exception) -> Response:
    return _json(
        {"error": f"The prediction failed unexpectedly ({type(error).__name__}). The service's log has the details."},
        500,
    )

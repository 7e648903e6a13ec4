"""The service over HTTP: both protocols, bad requests, promotion while it runs."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import threading
import time
from contextlib import contextmanager

import httpx
import numpy as np
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from workbench import registry
from workbench.package import write_manifest
from workbench.service import create_app
from workbench.service.openapi import openapi_document

ROW = {"sex": "female", "age": 31, "pclass": 2, "alone": False}


class Client:
    """Asks an application in this process, without a socket."""

    def __init__(self, app, root: str = "") -> None:
        self.app = app
        self.root = root

    def request(self, method: str, path: str, **options) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
                return await client.request(method, self.root + path, **options)

        return asyncio.run(ask())

    def get(self, path: str, **options) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, document=None, **options) -> httpx.Response:
        if document is not None:
            options["json"] = document
        return self.request("POST", path, **options)


@pytest.fixture
def repository(settings, model_packages):
    for name, package in model_packages.items():
        registry.publish(package, name, settings=settings)
    return settings


@pytest.fixture
def client(repository):
    return Client(create_app(repository))


def refused(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"error"}
    return answer.json()["error"]


def tensors(rows: list[dict]) -> list[dict]:
    kinds = {str: "BYTES", bool: "BOOL", int: "INT64", float: "FP64", type(None): "FP64"}
    return [
        {
            "name": name,
            "shape": [len(rows), 1],
            "datatype": "BYTES" if name == "sex" else kinds[type(rows[0][name])],
            "data": [row[name] for row in rows],
        }
        for name in rows[0]
    ]


def test_health_and_server_metadata(client):
    assert client.get("/v2").json()["name"] == "workbench"
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get("/v2/models/passengers/ready").json() == {"name": "passengers", "version": "1", "ready": True}


def test_models_are_listed(client):
    assert client.get("/models").json()["models"][1] == {
        "name": "passengers",
        "champion": 1,
        "aliases": {"champion": 1},
        "versions": [1],
    }


def test_a_model_with_damaged_aliases_hides_no_other_from_the_list(client, repository):
    (repository.models / "prices" / "aliases.json").write_text("{")
    listed = client.get("/models").json()["models"]
    assert [(entry["name"], entry["champion"]) for entry in listed] == [
        ("flowers", 1),
        ("passengers", 1),
        ("prices", None),
    ]
    assert "aliases.json" in refused(client.post("/predict/prices", {"rows": [{}]}), 503)


def test_metadata_names_inputs_and_outputs(client):
    document = client.get("/v2/models/passengers").json()
    assert document["versions"] == ["1"]
    assert {entry["name"]: entry["datatype"] for entry in document["inputs"]} == {
        "sex": "BYTES",
        "age": "FP64",
        "pclass": "FP64",
        "alone": "FP64",
    }
    assert [entry["name"] for entry in document["outputs"]] == ["label", "probabilities"]
    assert document["outputs"][1]["shape"] == [-1, 2]
    assert document["parameters"]["classes"] == ["no", "yes"]
    assert client.get("/v2/models/prices").json()["outputs"] == [
        {"name": "prediction", "datatype": "FP64", "shape": [-1]}
    ]


@pytest.mark.parametrize("body", [ROW, [ROW], {"rows": [ROW]}, {"rows": ROW}])
def test_plain_rows_come_in_several_forms(client, repository, body):
    answer = client.post("/predict/passengers", body).json()
    assert {key: answer[key] for key in ("model", "version", "engine", "ignored_columns")} == {
        "model": "passengers",
        "version": 1,
        "engine": "onnx",
        "ignored_columns": [],
    }
    (prediction,) = answer["predictions"]
    assert prediction["prediction"] == "yes"
    expected = registry.load_model("passengers", settings=repository).predict_proba([ROW])[0]
    assert list(prediction["probability"].values()) == pytest.approx(list(expected), abs=1e-9)
    assert list(prediction["probability"]) == ["no", "yes"]


def test_both_protocols_give_the_same_numbers(client):
    rows = [ROW, {**ROW, "sex": "male", "age": None}, {**ROW, "sex": "other", "pclass": 3}]
    plain = client.post("/predict/passengers", {"rows": rows}).json()["predictions"]
    answer = client.post("/v2/models/passengers/infer", {"id": "a-1", "inputs": tensors(rows)}).json()
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("passengers", "1", "a-1")
    label, probabilities = answer["outputs"]
    assert (label["datatype"], label["shape"]) == ("BYTES", [3])
    assert (probabilities["datatype"], probabilities["shape"]) == ("FP64", [3, 2])
    assert label["data"] == [prediction["prediction"] for prediction in plain]
    assert probabilities["data"] == [p for prediction in plain for p in prediction["probability"].values()]


def test_a_regression_answers_with_values(client, repository):
    plain = client.post("/predict/prices", ROW).json()["predictions"]
    assert set(plain[0]) == {"prediction"}
    answer = client.post("/v2/models/prices/infer", {"inputs": tensors([ROW])}).json()
    assert answer["outputs"][0]["data"] == [plain[0]["prediction"]]
    assert "id" not in answer
    assert plain[0]["prediction"] == pytest.approx(registry.load_model("prices", settings=repository).predict([ROW])[0])


def test_only_the_wanted_outputs_come_back(client):
    question = {"inputs": tensors([ROW]), "outputs": [{"name": "probabilities"}]}
    outputs = client.post("/v2/models/passengers/infer", question).json()["outputs"]
    assert [output["name"] for output in outputs] == ["probabilities"]
    question["outputs"] = [{"name": "logits"}]
    assert "Got the output 'logits', needed one of label, probabilities" in refused(
        client.post("/v2/models/passengers/infer", question), 400
    )


def test_extra_columns_are_ignored_and_named(client):
    answer = client.post("/predict/passengers", {**ROW, "colour": "blue"}).json()
    assert answer["ignored_columns"] == ["colour"]
    inputs = [*tensors([ROW]), {"name": "colour", "shape": [1], "datatype": "BYTES", "data": ["blue"]}]
    answer = client.post("/v2/models/passengers/infer", {"inputs": inputs}).json()
    assert answer["parameters"]["ignored_columns"] == "colour"


def test_extra_columns_may_hold_anything(client):
    answer = client.post("/predict/passengers", {**ROW, "tags": ["a"], "more": {"b": [1]}, "flag": True}).json()
    assert answer["ignored_columns"] == ["tags", "more", "flag"]
    extra = {"name": "tags", "shape": [1, 7], "datatype": "STRING", "data": "a"}
    answer = client.post("/v2/models/passengers/infer", {"inputs": [*tensors([ROW]), extra]}).json()
    assert answer["parameters"]["ignored_columns"] == "tags"
    assert "sex" in refused(client.post("/v2/models/passengers/infer", {"inputs": [extra]}), 422)


@pytest.mark.parametrize("said", [True, 1, 1.0, "true", "True", " TRUE "])
def test_yes_and_no_may_be_said_in_several_ways(client, said):
    wanted = client.post("/predict/passengers", {**ROW, "alone": True}).json()["predictions"]
    no = client.post("/predict/passengers", {**ROW, "alone": False}).json()["predictions"]
    assert client.post("/predict/passengers", {**ROW, "alone": said}).json()["predictions"] == wanted != no


def test_the_address_of_statistics_is_no_model(client, repository, model_packages):
    from workbench.errors import RegistryError

    assert "keeps no statistics" in refused(client.get("/v2/models/stats"), 404)
    with pytest.raises(RegistryError, match="can't be named 'stats'.*'stats-model'"):
        registry.publish(model_packages["passengers"], "stats", settings=repository)


def test_many_rows_are_answered_in_order(client, repository):
    rng = np.random.default_rng(0)
    rows = [{**ROW, "age": float(age)} for age in rng.integers(1, 80, 3000)]
    answer = client.post("/predict/passengers", {"rows": rows}).json()["predictions"]
    expected = registry.load_model("passengers", settings=repository).predict_proba(rows)
    assert np.allclose([list(p["probability"].values()) for p in answer], expected, atol=1e-9)
    tensor = client.post("/v2/models/passengers/infer", {"inputs": tensors(rows)}).json()["outputs"][1]
    assert np.allclose(np.reshape(tensor["data"], tensor["shape"]), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "empty body"),
        (b"{", 400, "isn't JSON"),
        (b"\xff\xfe", 400, "isn't JSON"),
        (b'{"age": NaN}', 400, "send null for a missing value"),
        (b'{"age": 1e999}', 400, "isn't JSON"),
        (b"3", 400, "needed rows"),
        (b"null", 400, "needed rows"),
        (b'"text"', 400, "needed rows"),
        (b"[]", 422, "0 rows"),
        (b'{"rows": []}', 422, "0 rows"),
        (b"[1]", 422, "as row 1 of 1, needed an object"),
        (b'[{"age": {"years": 3}}]', 422, "column 'age' in row 1 of 1, needed one number, text or null"),
        (b"{}", 422, "sex"),
        (b'{"sex": "male", "age": 3, "pclass": 1}', 422, "alone"),
        (b'{"sex": "male", "age": "old", "pclass": 1, "alone": true}', 422, "old"),
        (b'{"sex": "male", "age": true, "pclass": 1, "alone": true}', 422, "'True' (bool) in column 'age', row 1 of 1"),
        (b'{"sex": "male", "age": 3, "pclass": 1, "alone": "maybe"}', 422, "needed true or false"),
    ],
)
def test_bad_rows_are_refused_with_a_reason(client, body, status, words):
    headers = {"content-type": "application/json"}
    assert words in refused(client.post("/predict/passengers", content=body, headers=headers), status)


def change(**values) -> list[dict]:
    inputs = tensors([ROW])
    inputs[1] = {**inputs[1], **values}
    return inputs


@pytest.mark.parametrize(
    ("document", "status", "words"),
    [
        ([], 400, "no list `inputs`"),
        ({"inputs": []}, 400, "no list `inputs`"),
        ({"inputs": [3]}, 400, "no name in inputs"),
        ({"inputs": change(datatype="DOUBLE")}, 400, "datatype 'DOUBLE' for 'age', needed one of BOOL"),
        ({"inputs": change(datatype=["INT64"])}, 400, "datatype ['INT64'] for 'age', needed one of BOOL"),
        ({"inputs": change(datatype={})}, 400, "datatype {} for 'age', needed one of BOOL"),
        ({"inputs": change(data=None, parameters={"binary_data_size": 8})}, 400, "Binary tensors aren't supported"),
        ({"inputs": change(shape=[2])}, 400, "shape [2] and 1 values for 'age'"),
        ({"inputs": change(shape=[1, 4])}, 400, "needed shape [N] or [N, 1]"),
        ({"inputs": change(shape="1")}, 400, "needed shape [N] or [N, 1]"),
        ({"inputs": change(data=["31"])}, 400, "'31' at position 0 of 'age', needed a value of datatype INT64"),
        ({"inputs": change(data=[3.5])}, 400, "datatype INT64"),
        ({"inputs": change(data=[True])}, 400, "datatype INT64"),
        ({"inputs": change(datatype="BOOL", data=[True])}, 422, "datatype BOOL for column 'age', which is a number"),
        ({"inputs": change(datatype="BYTES", data=["31"])}, 422, "datatype BYTES for column 'age', which is a number"),
        ({"inputs": change(name="sex")}, 400, "datatype"),
        ({"inputs": change(data=[1, 2], shape=[2])}, 400, "tensors of different length"),
        ({"inputs": tensors([ROW])[1:]}, 422, "sex"),
        ({"inputs": [{**tensor, "data": [], "shape": [0]} for tensor in tensors([ROW])]}, 422, "0 rows"),
    ],
)
def test_bad_tensors_are_refused_with_a_reason(client, document, status, words):
    answer = client.post("/v2/models/passengers/infer", document)
    if words == "datatype":  # INT64 for a text column
        assert answer.status_code == 422
        return
    assert words in refused(answer, status)


def test_nested_data_and_missing_values_are_taken(client):
    flat = client.post("/v2/models/passengers/infer", {"inputs": change(data=[None])}).json()
    nested = client.post("/v2/models/passengers/infer", {"inputs": change(data=[[None]], datatype="FP32")}).json()
    assert flat["outputs"] == nested["outputs"]


def test_too_many_rows_and_too_large_bodies_are_refused(repository):
    from dataclasses import replace

    small = Client(create_app(replace(repository, max_request_rows=3, max_request_mib=1)))
    assert "Got 4 rows, needed at most 3" in refused(small.post("/predict/passengers", [ROW] * 4), 413)
    inputs = tensors([ROW] * 4)
    assert "Got 4 rows" in refused(small.post("/v2/models/passengers/infer", {"inputs": inputs}), 413)
    body = b"[" + b" " * 2**21 + b"]"
    assert "needed at most 1 MiB" in refused(small.post("/predict/passengers", content=body), 413)

    async def endless():
        for _ in range(1000):
            yield b" " * 2**16

    assert "needed at most 1 MiB" in refused(small.post("/predict/passengers", content=endless()), 413)


def test_unknown_models_versions_paths_and_methods(client):
    assert "Models here: flowers, passengers, prices" in refused(client.post("/predict/other", ROW), 404)
    assert "its versions: 1" in refused(client.post("/predict/passengers?version=7", ROW), 404)
    assert "its versions: 1" in refused(client.get("/v2/models/passengers/versions/7"), 404)
    assert "no alias 'best'" in refused(client.post("/predict/passengers?version=best", ROW), 404)
    assert "needed 1 to 64" in refused(client.post("/predict/passengers?version=..%2F1", ROW), 400)
    refused(client.get("/v2/models/..%2F..%2Fetc"), 404)
    assert "/docs" in refused(client.get("/nothing"), 404)
    assert "/docs" in refused(client.get("/predict/passengers"), 405)


def test_promotion_and_rollback_are_followed_at_once(client, repository, model_packages):
    registry.publish(model_packages["passengers"], "passengers", settings=repository)

    def live() -> int:
        return client.post("/predict/passengers", ROW).json()["version"]

    assert live() == 1
    registry.promote("passengers", 2, settings=repository)
    assert live() == 2
    registry.rollback("passengers", settings=repository)
    assert live() == 1
    assert client.post("/predict/passengers?version=2", ROW).json()["version"] == 2
    assert client.get("/v2/models/passengers/versions/2").json()["parameters"]["version"] == 2
    registry.promote("passengers", 2, "challenger", settings=repository)
    assert client.post("/predict/passengers?version=challenger", ROW).json()["version"] == 2
    assert client.post("/predict/passengers@challenger", ROW).json()["version"] == 2


def test_a_model_published_later_is_served_without_a_restart(client, repository, model_packages):
    refused(client.post("/predict/late", ROW), 404)
    registry.publish(model_packages["passengers"], "late", settings=repository)
    assert client.post("/predict/late", ROW).status_code == 200


def test_a_model_is_loaded_once(client, monkeypatch):
    from workbench.service import loaded

    calls = []
    load = loaded.load_predictor

    def counted(*arguments, **options):
        calls.append(arguments)
        time.sleep(0.1)
        return load(*arguments, **options)

    monkeypatch.setattr(loaded, "load_predictor", counted)

    async def crowd() -> list[int]:
        transport = httpx.ASGITransport(client.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as many:
            answers = await asyncio.gather(*(many.post("/predict/passengers", json=ROW) for _ in range(8)))
        return [answer.status_code for answer in answers]

    assert asyncio.run(crowd()) == [200] * 8
    client.post("/predict/passengers", ROW)
    assert len(calls) == 1


def test_a_broken_package_gives_503_and_leaves_the_others_alone(client, repository, model_packages, monkeypatch):
    graph = repository.models / "passengers" / "1" / "model.onnx"
    graph.write_bytes(b"broken")
    problem = refused(client.post("/predict/passengers", ROW), 503)
    assert "passengers version 1 can't be loaded" in problem
    assert "model.onnx" in problem
    assert refused(client.get("/v2/models/passengers/ready"), 503) == problem
    assert client.post("/predict/prices", ROW).status_code == 200
    shutil.copy(model_packages["passengers"] / "model.onnx", graph)
    monkeypatch.setattr("workbench.service.loaded.RETRY_SECONDS", 0.0)
    assert client.post("/predict/passengers", ROW).status_code == 200
    (repository.models / "passengers" / "1" / "manifest.json").unlink()
    assert "manifest.json" in refused(client.post("/predict/passengers", ROW), 503)


def test_an_unforeseen_failure_is_json_without_a_traceback(client, monkeypatch):
    def fail(*unused):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("workbench.service.answers.predict", fail)
    problem = refused(client.post("/predict/passengers", ROW), 500)
    assert "ZeroDivisionError" in problem
    assert "secret" not in problem


def test_the_service_works_below_another_application(repository):
    below = Client(Starlette(routes=[Mount("/api", create_app(repository))]), "/api")
    assert below.post("/predict/passengers", ROW).status_code == 200
    assert below.get("/").headers["location"] == "./docs"
    assert below.get("/openapi.json").json()["paths"]


def test_the_documentation_describes_every_route_and_its_examples_work(client):
    app = client.app
    document = client.get("/openapi.json").json()
    documented = {(path, method.upper()) for path, operations in document["paths"].items() for method in operations}
    hidden = {"/", "/docs", "/openapi.json", "/v2/models/stats"}  # the last one only says that there is none
    routes = {
        (route.path, method)
        for route in app.routes
        for method in (getattr(route, "methods", None) or ())
        if method != "HEAD" and route.path not in hidden
    }
    assert documented == routes
    schemas = document["components"]["schemas"]
    used = set(json.dumps(document["paths"]).split("#/components/schemas/")[1:])
    assert {text.partition('"')[0] for text in used} == set(schemas)
    page = client.get("/docs").text
    assert "https://" not in page.replace("https://github.com", "")  # nothing from another server
    for path in document["paths"]:
        assert path in page


def test_the_examples_of_the_documentation_are_what_the_service_takes():
    from workbench.service.answers import parse_json
    from workbench.service.rows import read_rows

    paths = openapi_document("0")["paths"]
    example = paths["/predict/{model}"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert read_rows(json.dumps(example).encode(), 10).n_rows == 1
    question = paths["/v2/models/{model}/infer"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert parse_json(json.dumps(question).encode())["inputs"]


@contextmanager
def running(app):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join(10)


def test_a_real_server_answers_many_at_once_while_a_version_is_promoted(repository, model_packages):
    registry.publish(model_packages["passengers"], "passengers", settings=repository)
    versions: list[int] = []

    def ask(address: str) -> None:
        with httpx.Client(base_url=address) as connection:
            for _ in range(50):
                answer = connection.post("/predict/passengers", json=ROW)
                assert answer.status_code == 200
                versions.append(answer.json()["version"])

    with running(create_app(repository)) as address:
        threads = [threading.Thread(target=ask, args=(address,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        registry.promote("passengers", 2, settings=repository)
        for thread in threads:
            thread.join()
        assert len(versions) == 200
        assert httpx.post(f"{address}/predict/passengers", json=ROW).json()["version"] == 2
        too_large = httpx.post(f"{address}/predict/passengers", content=b" " * (65 * 2**20))
        assert too_large.status_code == 413


@pytest.mark.parametrize("digits", [12, 5_000])
def test_a_version_of_very_many_digits_doesnt_exist(client, digits):
    for path in (f"/v2/models/flowers?version={'9' * digits}", f"/v2/models/flowers/versions/{'9' * digits}"):
        answer = client.get(path)
        assert answer.status_code == 404 and f"number of {digits:,} digits" in answer.json()["error"]


def test_errors_name_no_folder_of_the_server(repository, client):
    place = repository.models / "flowers" / "1"
    (place / "signature.json").write_text("[" * 100_000)
    (repository.models / "prices" / "aliases.json").write_text("[" * 100_000)
    for name in ("flowers", "prices"):
        answer = client.post(f"/predict/{name}", {"rows": [{}]})
        assert answer.status_code == 503 and answer.json()["error"]
        assert str(repository.models.parent) not in answer.text
    write_manifest(place, repository)
    answer = client.post("/predict/flowers", {"rows": [{}]})
    assert answer.status_code == 503 and "models/flowers/1/signature.json" in answer.json()["error"]
    assert client.post("/predict/passengers", {"rows": [ROW]}).status_code == 200

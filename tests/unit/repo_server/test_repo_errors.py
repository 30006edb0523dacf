"""Errors keep their class over gRPC, and tools' words lose our paths."""

import hashlib

import grpc

from adapters.rpc_errors import BY_REASON, CODES, code_of
from gitops.model import errors
from gitops.model.errors import GitOpsError
from repo_server.manifest_cache import ManifestCache, Manifests
from repo_server.render.tools import environment, scrubbed


def test_every_reason_is_known_and_unique() -> None:
    classes = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, GitOpsError)]
    assert {each.reason for each in classes} == set(BY_REASON)
    assert len(BY_REASON) == len(classes)
    assert all(BY_REASON[each.reason]("told").args == ("told",) for each in classes)


def test_codes_follow_the_nearest_base() -> None:
    assert code_of(errors.RenderFailed("x")) is grpc.StatusCode.FAILED_PRECONDITION
    assert code_of(errors.PathNotFound("x")) is grpc.StatusCode.NOT_FOUND
    assert code_of(errors.ClusterUnreachable("x")) is CODES[errors.ClusterError]
    assert code_of(GitOpsError("x")) is grpc.StatusCode.INTERNAL


def test_tools_words_hold_no_path_of_ours() -> None:
    said = "open /state/scratch/x1/repo/web/values.yaml: no such file, in /state/scratch/x1"
    assert scrubbed(said, "/state/scratch/x1") == "open web/values.yaml: no such file, in"


def test_tools_get_an_environment_without_a_path_to_others() -> None:
    given = environment("/scratch")
    assert given["PATH"] == ""
    assert all(value.startswith("/scratch/home") for key, value in given.items() if key.startswith("HELM_"))


async def test_memory_is_bounded_by_bytes_and_forgets_the_oldest() -> None:
    cache = ManifestCache(None, memory_limit=6_000)
    noise = [incompressible(2_500, seed) for seed in b"012"]
    for number, content in enumerate(noise):
        await cache.put(str(number), Manifests("Helm", content))
    assert await cache.get("0") is None
    found = await cache.get("2")
    assert found == (Manifests("Helm", noise[2]), "memory")
    await cache.put("huge", Manifests("Helm", incompressible(50_000, 9)))
    assert await cache.get("2") is not None


def incompressible(size: int, seed: int) -> bytes:
    return hashlib.shake_128(bytes([seed])).digest(size)

"""Helm: through its library where that is exact, else by the `helm template` command.

Both give the same objects in the same order; `tests/integration/test_repo_helm_parity.py` compares them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gitops.manifest.decode import decode_documents
from gitops.model.errors import RenderFailed
from repo_server.render.arguments import InScratch, ListedFile, flag, option, word
from repo_server.render.helm_output import Templates, ordered, templates_of_command
from repo_server.render.jobs import HelmOptions, Job, Output
from repo_server.render.tools import run, scrubbed

# Beside the repository, not in it: a name of ours that no file of a source can have.
_INLINE_VALUES = ListedFile("ref/-inline-/values.yaml")


def render_helm(options: HelmOptions, job: Job) -> Output:
    templates = _by_library(options, job) if options.in_process else _by_command(options, job)
    return ordered(templates, skip_tests=options.skip_tests)


# --- the command -----------------------------------------------------------------------------------


def _by_command(options: HelmOptions, job: Job) -> Templates:
    arguments = [flag("template"), option("--namespace", options.namespace)]
    if str(options.kube_version):
        arguments.append(option("--kube-version", options.kube_version))
    arguments += [option("--api-versions", each) for each in options.api_versions]
    arguments += [option("--values", InScratch(job.scratch, each)) for each in options.value_files]
    if options.values:
        inline = Path(job.scratch) / str(_INLINE_VALUES)
        inline.parent.mkdir(mode=0o700, parents=True)
        inline.write_text(options.values)
        arguments.append(option("--values", InScratch(job.scratch, _INLINE_VALUES)))
    for setting in options.settings:
        arguments.append(option("--set-string" if setting.force_string else "--set", setting.name, setting.value))
    for setting_file in options.file_settings:
        arguments.append(option("--set-file", setting_file.name, InScratch(job.scratch, setting_file.file)))
    if options.include_crds:
        arguments.append(flag("--include-crds"))
    if options.skip_schema:
        arguments.append(flag("--skip-schema-validation"))
    arguments += [flag("--"), word(options.release), word(InScratch(job.scratch, options.chart))]
    return templates_of_command(run(Path(job.tools) / "helm", arguments, job.scratch))


# --- the library -----------------------------------------------------------------------------------


def _by_library(options: HelmOptions, job: Job) -> Templates:
    import helm_python

    values = _values(options, job)
    try:
        helm_python.validate_release_name(str(options.release))
        with helm_python.Chart.load(Path(job.scratch) / str(options.chart)) as chart:
            if chart.metadata.get("type") == "library":
                raise RenderFailed("helm: library charts are not installable")
            namespace = str(options.namespace) or "default"
            rendered = chart.render(values, name=str(options.release), namespace=namespace)
            crds = chart.crds if options.include_crds else []
    except helm_python.HelmError as error:
        raise RenderFailed(f"helm: {scrubbed(str(error), job.scratch)}") from None
    notes = {name: text for name, text in rendered.items() if not name.endswith("NOTES.txt")}
    return Templates([(str(each["filename"]), str(each["data"])) for each in crds], notes)


def _values(options: HelmOptions, job: Job) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for file in options.value_files:
        merged = _merged(merged, _document(job.files[str(file)], str(file).removeprefix("repo/")))
    if options.values:
        merged = _merged(merged, _document(options.values.encode(), "helm.values"))
    for setting in options.settings:
        merged = _merged(merged, _set(str(setting.name), _setting_value(str(setting.value), setting.force_string)))
    return merged


def _document(content: bytes, file: str) -> dict[str, Any]:
    documents = decode_documents(content, file)
    if not documents or documents[0] is None:
        return {}
    if not isinstance(documents[0], dict):
        raise RenderFailed(f"{file}: values are one YAML object")
    return documents[0]


def _setting_value(text: str, force_string: bool) -> Any:
    plain = text.replace("\\,", ",")
    if force_string:
        return plain
    return {"true": True, "false": False}.get(plain, plain)


def _set(name: str, value: Any) -> dict[str, Any]:
    for part in reversed(name.split(".")):
        value = {part: value}
    assert isinstance(value, dict)
    return value


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """As helm merges values: objects merge, all else (null too) replaces."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged

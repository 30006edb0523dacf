"""The part of Go templates that ApplicationSets use."""

from typing import Any

import pytest

from gitops.appset.gotemplate import render
from gitops.model.errors import InvalidSpec

PARAMETERS: dict[str, Any] = {
    "name": "Around API",
    "path": {"basename": "around_api", "segments": ["deployments", "dev", "around_api"]},
    "values": {"replicas": 3, "debug": False, "hosts": ["a", "b"]},
    "empty": "",
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{{ .path.basename }}", "around_api"),
        ("{{.path.basename}}-{{index .path.segments 1}}", "around_api-dev"),
        ("{{ .name | lower | replace ' ' '-' }}".replace("'", '"'), "around-api"),
        ("{{ .name | normalize }}", "around-api"),
        ("{{ slugify .name }}", "around-api"),
        ("{{ slugify 6 true .name }}", "around"),
        ('{{ .empty | default "none" }}', "none"),
        ('{{ default "none" .name }}', "Around API"),
        ('{{ printf "%s-%03d" .path.basename .values.replicas }}', "around_api-003"),
        ("{{ .values.replicas }}/{{ .values.debug }}/{{ .values.hosts }}", "3/false/[a b]"),
        ("{{ if .values.debug }}yes{{ else }}no{{ end }}", "no"),
        ('{{ if eq .path.basename "x" }}1{{ else if hasPrefix "around" .path.basename }}2{{ else }}3{{ end }}', "2"),
        ("{{ if and .name (not .empty) }}both{{ end }}", "both"),
        ("{{ range .values.hosts }}<{{ . }}>{{ end }}", "<a><b>"),
        ("{{ range $i, $h := .values.hosts }}{{ $i }}={{ $h }} {{ end }}", "0=a 1=b "),
        ("{{ range .none }}x{{ else }}nothing{{ end }}", "nothing"),
        ("{{ with .path }}{{ .basename }} of {{ $.name }}{{ end }}", "around_api of Around API"),
        ("{{ $env := index .path.segments 1 }}{{ $env | upper }}", "DEV"),
        ("a {{- .empty -}} b", "ab"),
        ("{{/* said to nobody */}}x", "x"),
        ("{{ .missing }}", "<no value>"),
        ("{{ toJson .values.hosts }}", '["a","b"]'),
        ('{{ join "," .values.hosts }}', "a,b"),
        ('{{ (splitList "_" .path.basename) | last }}', "api"),
        ('{{ ternary "on" "off" .values.debug }}', "off"),
        ("{{ `raw {{` }}", "raw {{"),
        ('{{ "a\\"b" | quote }}', '"a\\"b"'),
        ("{{ trunc 3 .name }}{{ trunc -3 .name }}", "AroAPI"),
        ('{{ dig "a" "b" "fallback" .path }}', "fallback"),
        ("{{ add 1 2 3 }}", "6"),
    ],
)
def test_templates(template: str, text: str) -> None:
    assert render(template, PARAMETERS) == text


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{ env .name }}", "template function `env`"),
        ("{{ .name | htpasswd }}", "template function `htpasswd`"),
        ("{{ .name.deeper.still }}", "parameter `.name.deeper.still` is not there"),
        ("{{ .name.inner }}", "parameter `.name.inner` is not there"),
        ("{{ index .path.segments 9 }}", "template function `index` refuses its arguments: index 9 is out of range"),
        ("{{ lower }}", "template function `lower` refuses its arguments"),
        ("{{ if .name }}x", "has no `end`"),
        ("x{{ end }}", "without a block before it"),
        ("{{ .name ! }}", "cannot be read at `!`"),
        ("{{ (lower .name }}", "lacks a `)`"),
        ("{{ $unknown }}", "variable `$unknown` is not defined"),
        ("{{ .name | 3 }}", "which is not a function"),
    ],
)
def test_templates_that_are_refused(template: str, told: str) -> None:
    with pytest.raises(InvalidSpec) as raised:
        render(template, PARAMETERS)
    assert told in str(raised.value)


def test_a_missing_key_is_an_error_if_so_asked() -> None:
    with pytest.raises(InvalidSpec, match=r"parameter `\.missing` is not there"):
        render("{{ .missing }}", PARAMETERS, missing_is_error=True)

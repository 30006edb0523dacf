"""Bring up a trio beside whatever runs, put the workload on it, print one table, take it down.

Argo CD's column was measured with the same workload on the same kind of machine (2 cores); figures of one
run on one machine compare, figures of different machines do not.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import httpx

from benchmarks import gitops_bench
from tiphys import local
from tiphys.local.bring_up import UpOptions

# phase, figure, unit, our bar, Argo CD 3.5.1
ROWS = (
    ("cold", "wall_s", "s", 8.0, 14.6),
    ("cold", "cpu_s", "CPU s", None, 20.8),
    ("syncall", "wall_s", "s", 40.0, 129.0),
    ("syncall", "cpu_s", "CPU s", None, 135.0),
    ("commit", "wall_s", "s", 4.0, 16.3),
    ("commit", "cpu_s", "CPU s", 4.0, 22.7),
    ("selfheal", "p50_s", "s", 0.2, 1.06),
    ("selfheal", "p95_s", "s", None, 1.42),
    ("selfheal", "cpu_s", "CPU s", None, None),
    ("idle", "cpu_s", "CPU s", None, 0.31),
    ("idle", "peak_rss_mib", "MiB", None, 566.0),
    ("list", "p50_s", "s", 0.02, 0.02),
    ("delete", "wall_s", "s", None, 170.0),
    ("peak", "peak_rss_mib", "MiB", 500.0, 1458.0),
)
BARS_ARE_FOR = 200  # applications


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--apps", type=int, default=200)
    parser.add_argument("--idle", type=int, default=30)
    parser.add_argument("--heals", type=int, default=20)
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    parser.add_argument("--stock", action="store_true", help="clusters with the controller manager's stock limits")
    parser.add_argument("--state", type=Path, help="keep the trio's state (and logs) here")
    asked = parser.parse_args()
    state = asked.state or Path(tempfile.mkdtemp(prefix="tiphys-bench-"))
    try:
        figures = measured(
            asked, local.up(UpOptions(state=state, sample=False, dashboard=False, stock_limits=asked.stock))
        )
    finally:
        local.down(state)
        if asked.state is None:
            local.clean(state)
            shutil.rmtree(state, ignore_errors=True)
    if asked.out:
        asked.out.write_text(json.dumps(figures, indent=1))
    print(table(figures, asked.apps, stock=asked.stock))


def measured(asked: argparse.Namespace, status: dict) -> dict:
    login = httpx.post(
        f"{status['url']}/api/v1/session", json={"username": status["username"], "password": status["password"]}
    )
    token = login.json()["token"]
    kubeconfigs, services = status["kubeconfigs"], ("api_server", "repo_server", "app_controller")
    server = subprocess.run(
        [
            f"{status['tools']}/kubectl",
            "--kubeconfig",
            kubeconfigs["dev"],
            "config",
            "view",
            "--minify",
            "-o",
            "jsonpath={.clusters[0].cluster.server}",
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    out = Path(status["state"]) / "bench.json"
    os.environ["PATH"] = f"{status['tools']}{os.pathsep}{os.environ['PATH']}"  # its floor runs helm
    gitops_bench.main(
        [
            "--kubeconfig",
            kubeconfigs["mgmt"],
            "--target-kubeconfig",
            kubeconfigs["dev"],
            "--server",
            server,
            "--namespace",
            status["namespace"],
            "--repo-dir",
            status["repo"]["worktree"],
            "--repo-url",
            status["repo"]["url"],
            "--push",
            "--pids",
            ",".join(str(status["pids"][each]) for each in services),
            "--apps",
            str(asked.apps),
            "--heals",
            str(asked.heals),
            "--idle",
            str(asked.idle),
            "--api",
            status["url"],
            "--token",
            token,
            "--out",
            str(out),
        ]
    )
    figures = json.loads(out.read_text())
    figures["peak"] = {
        "peak_rss_mib": max(
            each["peak_rss_mib"] for each in figures.values() if isinstance(each, dict) and "peak_rss_mib" in each
        )
    }
    return figures


def table(figures: dict, apps: int, *, stock: bool) -> str:
    lines = [
        f"{apps} applications",
        f"{'phase':<10}{'figure':<14}{'measured':>10}{'bar':>9}{'':>6}{'Argo CD 3.5.1':>15}{'ratio':>8}",
    ]
    for phase, figure, unit, bar, argo in ROWS:
        value = figures.get(phase, {}).get(figure)
        if value is None:
            lines.append(f"{phase:<10}{unit:<14}{'-':>10}")
            continue
        comparable = apps == BARS_ARE_FOR
        verdict = "" if bar is None or not comparable else "ok" if value <= bar else "OVER"
        shown_bar = "" if bar is None or not comparable else f"{bar:g}"
        # Argo CD was measured with stock limits, and these two phases consist of waiting for them.
        alike = comparable and (stock or phase not in ("syncall", "delete") or figure != "wall_s")
        against = f"{argo:g}" if argo is not None and alike else ""
        ratio = f"{argo / value:.1f}x" if argo and value and alike else ""
        name = f"{figure.removesuffix('_s')} {unit}" if phase in ("selfheal", "list") else unit
        lines.append(f"{phase:<10}{name:<14}{value:>10.3g}{shown_bar:>9}{verdict:>6}{against:>15}{ratio:>8}")
    floor = figures.get("floor")
    if floor:
        lines.append(
            f"floor, with no GitOps system at all: {floor['objects']} bare applies take {floor['apply_wall_s']} s, the clusters' own "
            f"controllers have rolled them out after {floor['rollout_wall_s']} s; one helm template takes {floor['helm_template_s']} s"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()

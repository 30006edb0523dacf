#!/usr/bin/env python3
"""Side-by-side workload for GitOps controllers that serve the argoproj.io/v1alpha1 Application CRD.

The workload talks only to public surfaces (Git, the Kubernetes API, /api/v1 when --api is given), so any
implementation can be measured with it. It makes a monorepo of N services (one small Helm chart each), creates
one Application per service, and measures, phase by phase, wall seconds, CPU seconds (of --pids and all their
reaped children) and peak RSS:

  cold      N manual-sync Applications created -> every one has been compared (sync.status set at HEAD)
  syncall   automated sync switched on for all -> every one Synced and Healthy
  commit    one commit that touches one service; every app refreshed (what a webhook does)
            -> every app compared at the new commit
  selfheal  K live Deployments scaled by hand, one at a time -> reverted (latency percentiles)
  idle      nothing happens for S seconds
  list      GET /api/v1/applications latency (only with --api)
  delete    every Application deleted with cascade -> none left, and no object of theirs left
  floor     no controller at all: the same objects, rendered once by `helm template`, applied to the target cluster with
            bare server-side-apply requests, 16 at a time (the least that "syncall" can cost), and the wall time of one
            `helm template` run (what a renderer that starts a process per application pays in "cold" and "commit")

Usage: gitops_bench.py --kubeconfig MGMT --target-kubeconfig DEV --server URL --namespace argocd \
           --repo-dir DIR --repo-url URL --pids 1,2,3 --apps 300 --out result.json
"""

import argparse
import json
import os
import ssl
import statistics
import subprocess
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import yaml
from kubernetes import client, config
from kubernetes.client.rest import ApiException

GROUP, VERSION, PLURAL = "argoproj.io", "v1alpha1", "applications"
TICK = os.sysconf("SC_CLK_TCK")


def sh(*cmd, cwd=None):
    return subprocess.run(cmd, cwd=cwd, check=True, capture_output=True, text=True).stdout.strip()


# ---------------------------------------------------------------- workload: a monorepo of small charts
DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  labels: {app: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata:
      labels: {app: {{ .Release.Name }}}
    spec:
      containers:
        - name: app
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
          ports: [{containerPort: {{ .Values.port }}}]
          env:
            {{- range $k, $v := .Values.env }}
            - {name: {{ $k }}, value: {{ $v | quote }}}
            {{- end }}
          resources: {{ .Values.resources | toJson }}
"""
SERVICE = """apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}}
spec:
  selector: {app: {{ .Release.Name }}}
  ports: [{name: http, port: 80, targetPort: {{ .Values.port }}}]
"""
CONFIGMAP = """apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-%(i)d}
data:
  mode: {{ .Values.mode | quote }}
  blob: {{ repeat 40 .Release.Name | quote }}
"""
SA = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: {{ .Release.Name }}}\n"
VALUES = {
    "replicas": 1,
    "port": 8080,
    "mode": "prod",
    "image": {"repository": "example.local/app", "tag": "1.0.0"},
    "env": {f"VAR_{i}": f"value-{i}" for i in range(10)},
    "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
}


def make_repo(path, n):
    os.makedirs(path, exist_ok=True)
    if not os.path.isdir(f"{path}/.git"):
        sh("git", "init", "-q", "-b", "main", cwd=path)
        sh("git", "config", "user.email", "bench@example.local", cwd=path)
        sh("git", "config", "user.name", "bench", cwd=path)
    for i in range(n):
        d = f"{path}/services/svc-{i:04d}"
        os.makedirs(d + "/templates", exist_ok=True)
        open(d + "/Chart.yaml", "w").write(f"apiVersion: v2\nname: svc-{i:04d}\nversion: 0.1.0\n")
        open(d + "/values.yaml", "w").write(yaml.safe_dump(VALUES))
        open(d + "/templates/deployment.yaml", "w").write(DEPLOYMENT)
        open(d + "/templates/service.yaml", "w").write(SERVICE)
        open(d + "/templates/sa.yaml", "w").write(SA)
        for j in range(3):
            open(d + f"/templates/cm{j}.yaml", "w").write(CONFIGMAP % {"i": j})
    sh("git", "add", "-A", cwd=path)
    sh("git", "commit", "-q", "-m", "services", cwd=path)
    return sh("git", "rev-parse", "HEAD", cwd=path)


# ---------------------------------------------------------------- measuring
class Meter:
    """CPU seconds and peak RSS (MiB) of the given processes and their descendants."""

    def __init__(self, pids):
        self.pids, self.peak, self.stop = pids, 0.0, False
        self.t = threading.Thread(target=self._watch, daemon=True)
        self.t.start()

    def _tree(self):
        kids = {}
        for p in os.listdir("/proc"):
            if p.isdigit():
                try:
                    s = open(f"/proc/{p}/stat").read()
                    kids.setdefault(int(s[s.rindex(")") + 2 :].split()[1]), []).append(int(p))
                except OSError:
                    pass
        out, todo = [], list(self.pids)
        while todo:
            p = todo.pop()
            out.append(p)
            todo += kids.get(p, [])
        return out

    def _watch(self):
        while not self.stop:
            rss = 0
            for p in self._tree():
                try:
                    rss += int(open(f"/proc/{p}/statm").read().split()[1]) * 4096
                except OSError:
                    pass
            self.peak = max(self.peak, rss / 2**20)
            time.sleep(0.5)

    def cpu(self):
        total = 0
        for p in self._tree():
            try:
                s = open(f"/proc/{p}/stat").read()
                f = s[s.rindex(")") + 2 :].split()
                total += sum(map(int, f[11:15]))  # utime stime cutime cstime
            except OSError:
                pass
        return total / TICK


class Phase:
    def __init__(self, name, meter, out):
        self.name, self.meter, self.out = name, meter, out

    def __enter__(self):
        self.meter.peak = 0
        self.c0, self.t0 = self.meter.cpu(), time.time()
        self.extra = {}
        return self

    def __exit__(self, et, ev, tb):
        wall, cpu = time.time() - self.t0, self.meter.cpu() - self.c0
        time.sleep(0.6)
        self.out[self.name] = {
            "wall_s": round(wall, 2),
            "cpu_s": round(cpu, 2),
            "peak_rss_mib": round(self.meter.peak, 1),
            **self.extra,
            **({"error": str(ev)} if ev else {}),
        }
        print(self.name, json.dumps(self.out[self.name]), flush=True)
        return et is TimeoutError


def wait(pred, timeout, every=0.25):
    end = time.time() + timeout
    while True:
        left = pred()
        if not left:
            return
        if time.time() > end:
            raise TimeoutError(f"{left} left after {timeout}s")
        time.sleep(every)


def floor(o, tapi):
    """Wall seconds to apply everything with bare server-side apply, and of one `helm template`."""
    docs, helm = [], []
    for i in range(o.apps):
        name = f"floor-{i:04d}"
        t0 = time.time()
        if i < 5:
            text = sh("helm", "template", name, f"{o.repo_dir}/services/svc-{i:04d}", "--namespace", "bench-floor")
            helm.append(time.time() - t0)
            model = text.replace(name, "@NAME@")
        docs += [d for d in yaml.load_all(model.replace("@NAME@", name), yaml.CSafeLoader) if d]
    try:
        client.CoreV1Api(tapi).create_namespace({"metadata": {"name": "bench-floor"}})
    except ApiException:
        pass
    plural = {
        "Deployment": "/apis/apps/v1/namespaces/bench-floor/deployments/",
        "Service": "/api/v1/namespaces/bench-floor/services/",
        "ConfigMap": "/api/v1/namespaces/bench-floor/configmaps/",
        "ServiceAccount": "/api/v1/namespaces/bench-floor/serviceaccounts/",
    }

    pool, host = tapi.rest_client.pool_manager, tapi.configuration.host
    token = tapi.configuration.get_api_key_with_prefix("authorization")
    headers = {"Content-Type": "application/apply-patch+yaml", **({"Authorization": token} if token else {})}

    def put(d):
        d["metadata"]["namespace"] = "bench-floor"
        r = pool.request(
            "PATCH",
            host + plural[d["kind"]] + d["metadata"]["name"] + "?fieldManager=floor&force=true",
            body=json.dumps(d),
            headers=headers,
        )
        assert r.status in (200, 201), r.data

    t0 = time.time()
    list(ThreadPoolExecutor(16).map(put, docs))
    applied = time.time() - t0
    apps_v1 = client.AppsV1Api(tapi)

    def not_rolled_out():
        found = apps_v1.list_namespaced_deployment("bench-floor").items
        return sum(1 for each in found if not each.status.available_replicas)

    wait(not_rolled_out, 300)
    return {
        "objects": len(docs),
        "apply_wall_s": round(applied, 2),
        # The cluster's own controllers roll out at their own pace: nobody's "syncall" can end before them.
        "rollout_wall_s": round(time.time() - t0, 2),
        "helm_template_s": round(statistics.median(helm), 4),
    }


def pct(xs, q):
    xs = sorted(xs)
    return round(xs[min(len(xs) - 1, int(q * len(xs)))], 4) if xs else None


def main(argv=None):
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a = ap.add_argument
    a("--kubeconfig", required=True)
    a("--target-kubeconfig", required=True)
    a("--server", required=True, help="destination.server as registered")
    a("--namespace", default="argocd")
    a("--repo-dir", required=True)
    a("--repo-url", required=True)
    a("--pids", default="")
    a("--apps", type=int, default=300)
    a("--heals", type=int, default=20)
    a("--idle", type=int, default=30)
    a("--dest-namespaces", type=int, default=10)
    a("--timeout", type=int, default=900)
    a("--api")
    a("--token", default="")
    a("--out", default="-")
    a("--keep", action="store_true")
    a("--push", action="store_true", help="--repo-dir is a clone: push what is committed to its origin")
    o = ap.parse_args(argv)
    meter = Meter([int(p) for p in o.pids.split(",") if p])
    api = config.new_client_from_config(o.kubeconfig)
    custom = client.CustomObjectsApi(api)
    tapi = config.new_client_from_config(o.target_kubeconfig)
    apps_v1, core = client.AppsV1Api(tapi), client.CoreV1Api(tapi)
    out = {"apps": o.apps}
    if not os.path.isdir(o.repo_dir + "/services/svc-0000"):
        make_repo(o.repo_dir, o.apps)
        if o.push:
            sh("git", "push", "-q", "origin", "HEAD:main", cwd=o.repo_dir)
    head = sh("git", "rev-parse", "HEAD", cwd=o.repo_dir)
    pool = ThreadPoolExecutor(8)
    for i in range(o.dest_namespaces):
        try:
            core.create_namespace({"metadata": {"name": f"bench-{i}"}})
        except ApiException:
            pass

    def each(fn):
        return list(pool.map(fn, range(o.apps)))

    def app(i, **spec):
        return {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "Application",
            "metadata": {
                "name": f"svc-{i:04d}",
                "namespace": o.namespace,
                "labels": {"bench": "1"},
                "finalizers": ["resources-finalizer.argocd.argoproj.io"],
            },
            "spec": {
                "project": "default",
                "source": {"repoURL": o.repo_url, "targetRevision": "main", "path": f"services/svc-{i:04d}"},
                "destination": {"server": o.server, "namespace": f"bench-{i % o.dest_namespaces}"},
                **spec,
            },
        }

    def listing():
        data = custom.list_namespaced_custom_object(GROUP, VERSION, o.namespace, PLURAL, label_selector="bench=1")
        return data["items"]

    def not_compared(rev):
        items = listing()
        return o.apps - sum(
            1
            for x in items
            if x.get("status", {}).get("sync", {}).get("revision") == rev
            and x["status"]["sync"].get("status") in ("Synced", "OutOfSync")
        )

    def not_done(rev):
        items = listing()
        return o.apps - sum(
            1
            for x in items
            if x.get("status", {}).get("sync", {}).get("revision") == rev
            and x["status"]["sync"].get("status") == "Synced"
            and x["status"].get("health", {}).get("status") == "Healthy"
        )

    def patch(i, body):
        custom.patch_namespaced_custom_object(GROUP, VERSION, o.namespace, PLURAL, f"svc-{i:04d}", body)

    try:
        with Phase("cold", meter, out):
            each(lambda i: custom.create_namespaced_custom_object(GROUP, VERSION, o.namespace, PLURAL, app(i)))
            wait(lambda: not_compared(head), o.timeout)
        with Phase("syncall", meter, out):
            each(lambda i: patch(i, {"spec": {"syncPolicy": {"automated": {"prune": True, "selfHeal": True}}}}))
            wait(lambda: not_done(head), o.timeout)
        with Phase("commit", meter, out):
            v = dict(VALUES, image={"repository": "example.local/app", "tag": "1.0.1"})
            open(f"{o.repo_dir}/services/svc-0000/values.yaml", "w").write(yaml.safe_dump(v))
            sh("git", "commit", "-qam", "bump svc-0000", cwd=o.repo_dir)
            if o.push:
                sh("git", "push", "-q", "origin", "HEAD:main", cwd=o.repo_dir)
            head = sh("git", "rev-parse", "HEAD", cwd=o.repo_dir)
            each(lambda i: patch(i, {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}}))
            wait(lambda: not_done(head), o.timeout)
        with Phase("selfheal", meter, out) as ph:
            lat = []
            for k in range(o.heals):
                i = 1 + k * 7 % (o.apps - 1)
                ns, name = f"bench-{i % o.dest_namespaces}", f"svc-{i:04d}"
                apps_v1.patch_namespaced_deployment(name, ns, {"spec": {"replicas": 3}})
                t0 = time.time()
                wait(lambda: apps_v1.read_namespaced_deployment(name, ns).spec.replicas != 1, 60, 0.01)
                lat.append(time.time() - t0)
            ph.extra = {"p50_s": pct(lat, 0.5), "p95_s": pct(lat, 0.95), "max_s": round(max(lat), 3)}
        with Phase("idle", meter, out):
            time.sleep(o.idle)
        if o.api:
            with Phase("list", meter, out) as ph:
                ctx = ssl._create_unverified_context()
                lat, size = [], 0
                for _ in range(20):
                    r = urllib.request.Request(
                        o.api + "/api/v1/applications",
                        headers={"Authorization": "Bearer " + o.token} if o.token else {},
                    )
                    t0 = time.time()
                    size = len(urllib.request.urlopen(r, context=ctx).read())
                    lat.append(time.time() - t0)
                ph.extra = {"p50_s": pct(lat, 0.5), "p95_s": pct(lat, 0.95), "bytes": size}
    finally:
        if not o.keep:
            with Phase("delete", meter, out):
                each(
                    lambda i: custom.delete_namespaced_custom_object(
                        GROUP, VERSION, o.namespace, PLURAL, f"svc-{i:04d}"
                    )
                )
                wait(lambda: len(listing()), o.timeout)
                wait(
                    lambda: sum(
                        1
                        for d in apps_v1.list_deployment_for_all_namespaces().items
                        if d.metadata.name.startswith("svc-")
                    ),
                    120,
                )
        out["floor"] = floor(o, tapi)
        client.CoreV1Api(tapi).delete_namespace("bench-floor")
        print("floor", json.dumps(out["floor"]))
        text = json.dumps(out, indent=1)
        print(text) if o.out == "-" else open(o.out, "w").write(text)


if __name__ == "__main__":
    main()

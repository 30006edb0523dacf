"""Objects as people write them: the twelve rows the design was tried on, and more of other kinds."""

from typing import Any

Manifest = dict[str, Any]


def _meta(name: str) -> Manifest:
    return {"name": name, "labels": {"app": name}, "annotations": {"team": "around"}}


def _pods(name: str, **container: Any) -> Manifest:
    spec = {"containers": [{"name": "main", "image": "registry.example/app:1", **container}]}
    return {"metadata": {"labels": {"app": name}}, "spec": spec}


def _workload(kind: str, name: str, template: Manifest, **spec: Any) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": _meta(name),
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": template, **spec},
    }


def _object(api_version: str, kind: str, name: str, **content: Any) -> Manifest:
    return {"apiVersion": api_version, "kind": kind, "metadata": _meta(name), **content}


ROWS: dict[str, Manifest] = {
    "Service": _object(
        "v1",
        "Service",
        "service",
        spec={
            "type": "NodePort",
            "selector": {"app": "a"},
            "ports": [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "dns", "port": 53, "protocol": "UDP"}],
        },
    ),
    "ConfigMap": _object("v1", "ConfigMap", "config-map", data={"a": "1", "b": "two\nlines\n"}),
    "HorizontalPodAutoscaler": _object(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "scaler",
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 1,
            "maxReplicas": 4,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
                }
            ],
        },
    ),
    "Ingress": _object(
        "networking.k8s.io/v1",
        "Ingress",
        "ingress",
        spec={
            "rules": [
                {
                    "host": "a.example",
                    "http": {
                        "paths": [
                            {
                                "path": "/",
                                "pathType": "Prefix",
                                "backend": {"service": {"name": "a", "port": {"number": 80}}},
                            }
                        ]
                    },
                }
            ]
        },
    ),
    "Role": _object("rbac.authorization.k8s.io/v1", "Role", "role", rules=[]),
    "PodDisruptionBudget": _object(
        "policy/v1",
        "PodDisruptionBudget",
        "budget",
        spec={"minAvailable": 1, "selector": {"matchLabels": {"app": "a"}}},
    ),
    "CronJob": _object(
        "batch/v1",
        "CronJob",
        "cron-job",
        spec={
            "schedule": "0 3 * * *",
            "jobTemplate": {
                "spec": {
                    "template": {
                        "spec": {
                            "restartPolicy": "Never",
                            "containers": [{"name": "main", "image": "registry.example/job:1", "command": ["run"]}],
                        }
                    }
                }
            },
        },
    ),
    "NetworkPolicy": _object(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        "policy",
        spec={
            "podSelector": {},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "b"}}}], "ports": [{"port": 80}]}],
        },
    ),
    "Deployment": _workload(
        "Deployment",
        "web",
        _pods(
            "web",
            args=[],
            env=[{"name": "EMPTY", "value": ""}, {"name": "LEVEL", "value": "info"}],
            ports=[{"containerPort": 8080}],
            resources={"requests": {"cpu": "1000m", "memory": "1024Mi"}, "limits": {"cpu": 2, "memory": "2Gi"}},
        ),
        replicas=0,
    ),
    "StatefulSet": _workload(
        "StatefulSet",
        "store",
        _pods("store", volumeMounts=[{"name": "data", "mountPath": "/data"}]),
        serviceName="store",
        replicas=0,
        volumeClaimTemplates=[
            {
                "metadata": {"name": "data"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}},
            }
        ],
    ),
    "Secret": _object("v1", "Secret", "secret", stringData={"password": "hunter2"}, type="Opaque"),
    "DoubledEnv": _workload(
        "Deployment",
        "doubled",
        _pods("doubled", env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]),
        replicas=0,
    ),
}

MORE: dict[str, Manifest] = {
    "RichDeployment": _workload(
        "Deployment",
        "rich",
        {
            "metadata": {"labels": {"app": "rich"}},
            "spec": {
                "serviceAccountName": "default",
                "securityContext": {"runAsNonRoot": True},
                "initContainers": [{"name": "prepare", "image": "registry.example/prepare:1", "command": ["a", "b"]}],
                "containers": [
                    {
                        "name": "main",
                        "image": "registry.example/app:1",
                        "env": [
                            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                            {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
                        ],
                        "envFrom": [{"configMapRef": {"name": "config-map"}}],
                        "ports": [{"name": "http", "containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}],
                        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}},
                        "volumeMounts": [{"name": "config", "mountPath": "/etc/app"}],
                        "securityContext": {"capabilities": {"drop": ["ALL"]}},
                    },
                    {"name": "side", "image": "registry.example/side:1"},
                ],
                "volumes": [
                    {"name": "config", "configMap": {"name": "config-map", "items": [{"key": "a", "path": "a"}]}},
                    {"name": "scratch", "emptyDir": {}},
                ],
                "nodeSelector": {"kubernetes.io/os": "linux"},
                "tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}],
                "topologySpreadConstraints": [
                    {
                        "maxSkew": 1,
                        "topologyKey": "zone",
                        "whenUnsatisfiable": "ScheduleAnyway",
                        "labelSelector": {"matchLabels": {"app": "rich"}},
                    }
                ],
            },
        },
        replicas=0,
        strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
    ),
    "DaemonSet": _workload("DaemonSet", "agent", _pods("agent", resources={"requests": {"cpu": 0.5}})),
    "Job": _object(
        "batch/v1",
        "Job",
        "job",
        spec={
            "suspend": True,
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "m", "image": "i"}]}},
        },
    ),
    "ServiceAccount": _object("v1", "ServiceAccount", "account", imagePullSecrets=[{"name": "pull"}]),
    "RoleBinding": _object(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        "binding",
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "role"},
        subjects=[{"kind": "ServiceAccount", "name": "account", "namespace": "default"}],
    ),
    "PersistentVolumeClaim": _object(
        "v1",
        "PersistentVolumeClaim",
        "claim",
        spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1.5Gi"}}},
    ),
    "LimitRange": _object(
        "v1", "LimitRange", "limits", spec={"limits": [{"type": "Container", "default": {"cpu": "100m"}}]}
    ),
    "ResourceQuota": _object("v1", "ResourceQuota", "quota", spec={"hard": {"pods": "100", "requests.cpu": "1000"}}),
    "AppProject": _object(
        "argoproj.io/v1alpha1",
        "AppProject",
        "project",
        spec={"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "a"}], "description": "one"},
    ),
}

ALL = ROWS | MORE

"""Where the credentials of a cluster come from: a kubeconfig, the pod we run in, or a cluster Secret's JSON.

A kubeconfig is read here with a plain YAML parser, not with the `kubernetes` package: that one writes
private keys into temporary files, answers exec plugins by blocking, and costs 60 MB of memory once imported.
"""

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import yaml

from gitops.model.errors import ClusterUnknown, InvalidSpec
from gitops.model.repository import IN_CLUSTER_NAME, IN_CLUSTER_SERVER, Cluster, ClusterCredentials

SERVICE_ACCOUNT_DIR = Path("/var/run/secrets/kubernetes.io/serviceaccount")

# A cluster Secret may be written by more people than may run programs beside us,
# so only the well-known credential plugins are started for one.
EXEC_ALLOWED = frozenset(
    {"argocd-k8s-auth", "aws", "aws-iam-authenticator", "gke-gcloud-auth-plugin", "kubelogin", "doctl", "oci"}
)


def management_cluster(kubeconfig: str, context: str = "") -> Cluster:
    """The cluster that holds our records: that of a kubeconfig, or the one we run in when there is none."""
    return cluster_from_kubeconfig(Path(kubeconfig), context) if kubeconfig else in_cluster()


def in_cluster() -> Cluster:
    """The cluster this pod runs in, by its service account; the token is read again as it rotates."""
    token_file, ca_file = SERVICE_ACCOUNT_DIR / "token", SERVICE_ACCOUNT_DIR / "ca.crt"
    if not token_file.exists():
        raise ClusterUnknown("not running inside a cluster (no service account found); give a kubeconfig instead")
    credentials = ClusterCredentials(token_file=str(token_file), ca_data=ca_file.read_bytes())
    return Cluster(IN_CLUSTER_SERVER, IN_CLUSTER_NAME, credentials)


def cluster_from_kubeconfig(path: Path, context: str = "") -> Cluster:
    """The cluster of a context (else of the current one), named after the context."""
    try:
        config = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise InvalidSpec(f"the kubeconfig {path.name} cannot be read: {type(error).__name__}") from error
    if not isinstance(config, dict):
        raise InvalidSpec(f"the kubeconfig {path.name} is empty")
    chosen = context or str(config.get("current-context") or "")
    entry = _named(config, "contexts", "context", chosen, path.name)
    cluster = _named(config, "clusters", "cluster", str(entry.get("cluster") or ""), path.name)
    user = _named(config, "users", "user", str(entry.get("user") or ""), path.name) if entry.get("user") else {}
    if "auth-provider" in user:
        raise InvalidSpec(f"context `{chosen}` uses an auth-provider, which Kubernetes has dropped; use an exec plugin")
    server = str(cluster.get("server") or "").rstrip("/")
    return Cluster(server, chosen, _kubeconfig_credentials(cluster, user, path.parent))


def _named(config: Mapping[str, Any], section: str, inner: str, name: str, file: str) -> Mapping[str, Any]:
    for each in config.get(section) or ():
        if each.get("name") == name:
            found: Mapping[str, Any] = each.get(inner) or {}
            return found
    raise InvalidSpec(f"the kubeconfig {file} has no {inner} `{name}`")


def _kubeconfig_credentials(cluster: Mapping[str, Any], user: Mapping[str, Any], directory: Path) -> ClusterCredentials:
    token_file = str(user.get("tokenFile") or "")
    return ClusterCredentials(
        bearer_token="" if token_file else str(user.get("token") or ""),
        token_file=str(directory / token_file) if token_file else "",
        username=str(user.get("username") or ""),
        password=str(user.get("password") or ""),
        ca_data=_inline_or_file(cluster, "certificate-authority", directory),
        cert_data=_inline_or_file(user, "client-certificate", directory),
        key_data=_inline_or_file(user, "client-key", directory),
        server_name=str(cluster.get("tls-server-name") or ""),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        proxy_url=str(cluster.get("proxy-url") or ""),
        **_exec_fields(user.get("exec") or {}),
    )


def _inline_or_file(entry: Mapping[str, Any], key: str, directory: Path) -> bytes:
    if inline := entry.get(f"{key}-data"):
        return _decoded(str(inline), f"{key}-data")
    if named := entry.get(key):
        try:
            return (directory / str(named)).read_bytes()
        except OSError as error:
            raise InvalidSpec(f"the kubeconfig's {key} cannot be read: {error.strerror}") from error
    return b""


def _exec_fields(plugin: Mapping[str, Any]) -> dict[str, Any]:
    if not plugin.get("command"):
        return {}
    env = plugin.get("env") or ()
    pairs = env.items() if isinstance(env, Mapping) else ((each.get("name"), each.get("value")) for each in env)
    return {
        "exec_command": (str(plugin["command"]), *(str(each) for each in plugin.get("args") or ())),
        "exec_env": tuple((str(name), str(value)) for name, value in pairs),
        "exec_api_version": str(plugin.get("apiVersion") or ""),
    }


def credentials_from_secret(config: bytes) -> ClusterCredentials:
    """The `config` entry of an Argo CD cluster Secret."""
    try:
        parsed = orjson.loads(config or b"{}")
    except orjson.JSONDecodeError as error:
        raise InvalidSpec(f"`config` of the cluster Secret is not JSON (line {error.lineno})") from error
    if not isinstance(parsed, dict):
        raise InvalidSpec("`config` of the cluster Secret is not a JSON object")
    tls = _part(parsed, "tlsClientConfig")
    plugin = _part(parsed, "execProviderConfig") or _aws_plugin(_part(parsed, "awsAuthConfig"))
    fields = _exec_fields(plugin)
    if fields and fields["exec_command"][0] not in EXEC_ALLOWED:
        raise InvalidSpec(
            f"execProviderConfig.command `{fields['exec_command'][0]}` is not allowed in a cluster Secret; "
            f"allowed are {', '.join(sorted(EXEC_ALLOWED))}"
        )
    return ClusterCredentials(
        bearer_token=str(parsed.get("bearerToken") or ""),
        username=str(parsed.get("username") or ""),
        password=str(parsed.get("password") or ""),
        ca_data=_decoded(str(tls.get("caData") or ""), "tlsClientConfig.caData"),
        cert_data=_decoded(str(tls.get("certData") or ""), "tlsClientConfig.certData"),
        key_data=_decoded(str(tls.get("keyData") or ""), "tlsClientConfig.keyData"),
        server_name=str(tls.get("serverName") or ""),
        insecure=bool(tls.get("insecure")),
        proxy_url=str(parsed.get("proxyUrl") or ""),
        **fields,
    )


def _part(config: dict[str, Any], name: str) -> dict[str, Any]:
    found = config.get(name) or {}
    if not isinstance(found, dict):
        raise InvalidSpec(f"`config` of the cluster Secret: {name} must be a JSON object")
    return found


def secret_config(credentials: ClusterCredentials) -> bytes:
    """The other way round: the `config` JSON that `credentials_from_secret` reads back."""
    tls: dict[str, Any] = {"insecure": credentials.insecure}
    parts = {"caData": credentials.ca_data, "certData": credentials.cert_data, "keyData": credentials.key_data}
    tls.update({key: base64.b64encode(data).decode() for key, data in parts.items() if data})
    if credentials.server_name:
        tls["serverName"] = credentials.server_name
    config: dict[str, Any] = {
        "username": credentials.username,
        "password": credentials.password,
        "bearerToken": credentials.bearer_token,
        "proxyUrl": credentials.proxy_url,
    }
    if credentials.exec_command:
        config["execProviderConfig"] = {
            "command": credentials.exec_command[0],
            "args": list(credentials.exec_command[1:]),
            "env": dict(credentials.exec_env),
            "apiVersion": credentials.exec_api_version,
        }
    return orjson.dumps({**{key: value for key, value in config.items() if value}, "tlsClientConfig": tls})


def _aws_plugin(aws: Mapping[str, Any]) -> dict[str, Any]:
    if not aws.get("clusterName"):
        return {}
    role = ["--role-arn", str(aws["roleARN"])] if aws.get("roleARN") else []
    return {
        "command": "aws",
        "args": ["eks", "get-token", "--output", "json", "--cluster-name", str(aws["clusterName"]), *role],
        "env": {"AWS_PROFILE": str(aws["profile"])} if aws.get("profile") else {},
        "apiVersion": "client.authentication.k8s.io/v1beta1",
    }


def _decoded(text: str, field: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidSpec(f"{field} is not base64") from error

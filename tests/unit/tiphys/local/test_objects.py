import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bcrypt
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from tiphys.local import cluster_add, install, kubeconfigs, pki, settings_objects, valkey
from tiphys.local.clusters import PORTS, configuration_of
from tiphys.local.dashboard import digest_of, source_files
from tiphys.local.errors import LocalError
from tiphys.local.layout import PROJECT, SERVICES

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
USERS = {"admin": "open sesame", "operator": "steer", "developer": "write", "readonly": "look"}


# --- settings ---------------------------------------------------------------------------------------


def test_passwords_are_kept_as_hashes_only() -> None:
    made = settings_objects.credentials({"admin": "open sesame", "operator": "steer"}, NOW)
    assert bcrypt.checkpw(b"open sesame", made["admin.password"].encode())
    assert bcrypt.checkpw(b"steer", made["accounts.operator.password"].encode())
    assert made["admin.passwordMtime"] == "2026-01-02T03:04:05Z"
    assert not any("steer" in value or "sesame" in value for value in made.values())


def test_a_password_somebody_changed_is_no_longer_told() -> None:
    secret = settings_objects.credentials({"admin": "open sesame", "operator": "changed"}, NOW)
    assert settings_objects.with_unchanged_password(secret, USERS) == {"admin": "open sesame"}


def test_every_user_but_admin_has_an_account_and_a_role() -> None:
    config = settings_objects.config("argocd", "http://here", USERS)
    lines = [line for line in settings_objects.POLICIES.splitlines() if line.startswith("g, ")]
    for name in USERS:
        assert any(line.startswith(f"g, {name}, role:") for line in lines)
    assert {key for key in config["data"] if key.startswith("accounts.")} == {
        "accounts.operator",
        "accounts.developer",
        "accounts.readonly",
    }


def test_nobody_but_operators_is_given_prod() -> None:
    rules = [line.split(", ") for line in settings_objects.POLICIES.splitlines() if line.startswith("p, ")]
    reaching_prod = {rule[1] for rule in rules if rule[4].split("/")[0] in ("*", "prod")}
    assert reaching_prod == {"role:operator"}
    assert settings_objects.rbac_config("argocd")["data"]["policy.default"] == ""


# --- sample -----------------------------------------------------------------------------------------


def test_the_sample_takes_our_repository_and_leaves_out_missing_environments() -> None:
    folder = PROJECT / "examples" / "gitops-repo" / "argocd"
    objects = install.sample_objects(folder, "http://127.0.0.1:1/gitops.git", ["dev"])
    assert [(each["kind"], each["metadata"]["name"]) for each in objects] == [
        ("AppProject", "dev"),
        ("ApplicationSet", "dev"),
    ]
    text = yaml.safe_dump_all(objects)
    assert "example.com" not in text
    assert text.count("http://127.0.0.1:1/gitops.git") == 3


@pytest.mark.parametrize(
    ("environment", "automated"),
    [
        ("dev", {"prune": True, "selfHeal": True}),
        ("stage", {"prune": False, "selfHeal": False}),
        ("prod", {"enabled": False, "prune": False, "selfHeal": True}),
    ],
)
def test_each_environment_has_its_policy(environment: str, automated: dict[str, bool]) -> None:
    folder = PROJECT / "examples" / "gitops-repo" / "argocd"
    (made,) = [each for each in install.sample_objects(folder, "x", [environment]) if each["kind"] == "ApplicationSet"]
    spec = made["spec"]["template"]["spec"]
    assert spec["syncPolicy"]["automated"] == automated
    assert spec["syncPolicy"]["syncOptions"] == ["CreateNamespace=true"]
    assert spec["project"] == spec["destination"]["name"] == environment


def test_every_deployment_points_at_a_service_that_is_there() -> None:
    sample = PROJECT / "examples" / "gitops-repo"
    services = {folder.name for folder in (sample / "services").iterdir()}
    for environment in ("dev", "stage", "prod"):
        assert {folder.name for folder in (sample / "deployments" / environment).iterdir()} == services


# --- clusters ---------------------------------------------------------------------------------------


def test_a_control_plane_listens_on_loopback_alone() -> None:
    binaries = {
        name: Path("/bin") / name
        for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "kubectl")
    }
    options = configuration_of(binaries, dict.fromkeys(PORTS, 1), durable=True)
    assert options["options"]["bindAddress"] == "127.0.0.1"

    def patched(**asked: bool) -> list[str]:
        return [each["name"] for each in configuration_of(binaries, {}, **asked)["componentsPatches"]]

    assert patched(durable=True) == ["kube-apiserver", "kube-controller-manager"]
    assert patched(durable=False) == ["kube-apiserver", "etcd", "kube-controller-manager"]
    assert patched(durable=True, stock=True) == ["kube-apiserver"]


def test_a_missing_binary_is_named() -> None:
    with pytest.raises(LocalError, match="kube-scheduler"):
        configuration_of({"etcd": Path("/e")}, {}, durable=True)


def test_the_account_is_made_as_argocd_makes_it() -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in cluster_add.account_objects()]
    assert names == [
        ("ServiceAccount", "argocd-manager"),
        ("ClusterRole", "argocd-manager-role"),
        ("ClusterRoleBinding", "argocd-manager-role-binding"),
        ("Secret", "argocd-manager-long-lived-token"),
    ]


# --- kubeconfigs ------------------------------------------------------------------------------------


def a_kubeconfig() -> dict[str, object]:
    return {
        "contexts": [
            {"name": "one", "context": {"cluster": "c1", "user": "u1"}},
            {"name": "two", "context": {"cluster": "c2", "user": "u2"}},
        ],
        "clusters": [
            {"name": "c1", "cluster": {"server": "https://one", "certificate-authority": "ca.pem"}},
            {"name": "c2", "cluster": {"server": "https://two"}},
        ],
        "users": [{"name": "u1", "user": {"token": "t1"}}, {"name": "u2", "user": {"token": "t2"}}],
        "current-context": "two",
    }


def test_one_context_is_taken_with_its_files_and_nothing_of_the_others(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("CA")
    source = tmp_path / "config"
    source.write_text(yaml.safe_dump(a_kubeconfig()))
    taken = yaml.safe_load(kubeconfigs.extract(source, "one"))
    assert taken["current-context"] == "one"
    assert taken["clusters"][0]["cluster"] == {
        "server": "https://one",
        "certificate-authority-data": base64.b64encode(b"CA").decode(),
    }
    assert "t2" not in yaml.safe_dump(taken)


def test_a_context_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    source = tmp_path / "config"
    source.write_text(yaml.safe_dump(a_kubeconfig()))
    with pytest.raises(LocalError, match="no context `three`; it has: one, two"):
        kubeconfigs.extract(source, "three")


# --- certificates, cache, dashboard -----------------------------------------------------------------


def test_each_service_gets_a_certificate_of_the_same_ca_for_its_own_name(tmp_path: Path) -> None:
    pki.ensure(tmp_path, NOW)
    authorities = {(tmp_path / service / "ca.crt").read_bytes() for service in SERVICES}
    assert len(authorities) == 1
    authority = x509.load_pem_x509_certificate(authorities.pop())
    for service in SERVICES:
        certificate = x509.load_pem_x509_certificate((tmp_path / service / "tls.crt").read_bytes())
        certificate.verify_directly_issued_by(authority)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        host = service.replace("_", "-")
        assert names.get_values_for_type(x509.DNSName) == [host]
        assert names.get_values_for_type(x509.UniformResourceIdentifier) == [f"spiffe://tiphys.internal/{host}"]
        key = load_pem_private_key((tmp_path / service / "tls.key").read_bytes(), None)
        assert key.public_key() == certificate.public_key()
        assert (tmp_path / service / "tls.key").stat().st_mode & 0o777 == 0o600


def test_certificates_are_kept_while_good_and_renewed_in_time(tmp_path: Path) -> None:
    def current() -> bytes:
        return (tmp_path / "api_server" / "tls.crt").read_bytes()

    pki.ensure(tmp_path, NOW)
    first = current()
    pki.ensure(tmp_path, NOW + timedelta(days=200))
    assert current() == first
    pki.ensure(tmp_path, NOW + timedelta(days=310))
    assert current() != first


def test_certificates_of_before_that_say_less_are_made_anew(tmp_path: Path) -> None:
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    pki.ensure(tmp_path, NOW, uses=dict.fromkeys(SERVICES, both))
    before = (tmp_path / "repo_server" / "tls.crt").read_bytes()
    pki.ensure(tmp_path, NOW)
    assert (tmp_path / "repo_server" / "tls.crt").read_bytes() != before
    uses = {
        service: set(
            x509.load_pem_x509_certificate((tmp_path / service / "tls.crt").read_bytes())
            .extensions.get_extension_for_class(x509.ExtendedKeyUsage)
            .value
        )
        for service in SERVICES
    }
    assert uses == {
        "repo_server": {ExtendedKeyUsageOID.SERVER_AUTH},
        "app_controller": set(both),
        "api_server": {ExtendedKeyUsageOID.CLIENT_AUTH},
    }


def test_the_cache_is_capped_private_and_never_on_disk() -> None:
    lines = valkey.configuration(7000, "hush").splitlines()
    assert "bind 127.0.0.1" in lines
    assert "maxmemory 128mb" in lines
    assert 'save ""' in lines
    assert "requirepass hush" in lines


def test_a_dashboard_is_built_again_when_a_source_changes_and_only_then(tmp_path: Path) -> None:
    def digest() -> str:
        return digest_of(source_files(tmp_path), tmp_path)

    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.ts").write_text("1")
    first = digest()
    for ignored in ("node_modules", "dist"):
        (tmp_path / ignored).mkdir()
        (tmp_path / ignored / "b.js").write_text("2")
    assert digest() == first
    (tmp_path / "src" / "a.ts").rename(tmp_path / "src" / "c.ts")
    assert digest() != first

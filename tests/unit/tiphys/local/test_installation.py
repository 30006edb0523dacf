import socket
from pathlib import Path

import pytest

from tiphys.local import installation, ports, report, services
from tiphys.local.errors import LocalError
from tiphys.local.installation import ENVIRONMENTS, MGMT, USERS
from tiphys.local.layout import Layout, cache_folder, default_state_folder, write_private


def test_no_two_installations_share_a_password() -> None:
    one, other = installation.decide({}), installation.decide({})
    secrets = [*one.users.values(), *other.users.values(), one.push_token, other.push_token, one.cache_password]
    assert len(set(secrets)) == len(secrets)
    assert all(8 <= len(password) <= 32 for password in one.users.values())
    assert set(one.users) == set(USERS)


def test_ports_are_all_different_and_below_what_systems_hand_out() -> None:
    decided = installation.decide({})
    assert len(set(decided.ports.values())) == len(decided.ports)
    assert all(port < 32_768 for port in decided.ports.values())


def test_clusters_are_our_own_unless_contexts_are_named() -> None:
    assert installation.decide({}).clusters == (MGMT, *ENVIRONMENTS)
    chosen = installation.decide({"qa": "kind-qa", "mgmt": "kind-mgmt"})
    assert chosen.clusters == ("mgmt", "qa")
    assert chosen.environments == ("qa",)
    assert not chosen.owns_clusters


def test_it_is_kept_privately_and_read_back(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    decided = installation.decide({})
    assert installation.load(layout) is None
    installation.save(layout, decided)
    assert installation.load(layout) == decided
    assert layout.installation.stat().st_mode & 0o777 == 0o600
    assert decided.users["admin"] not in repr(decided)


def test_a_port_somebody_took_is_replaced_unless_others_know_it() -> None:
    decided = installation.decide({})
    with socket.socket() as git, socket.socket() as api:
        git.bind(("127.0.0.1", decided.ports["git"]))
        git.listen()
        api.bind(("127.0.0.1", decided.ports["api_server"]))
        api.listen()
        renewed = installation.with_free_ports(decided)
    assert renewed.ports["git"] == decided.ports["git"]
    assert renewed.ports["api_server"] != decided.ports["api_server"]
    assert renewed.ports["repo_server"] == decided.ports["repo_server"]
    assert renewed.users == decided.users


def test_free_ports_are_free_and_prefer_what_is_preferred() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not ports.is_free(port)
        assert port not in ports.free_ports(2, preferred=(port,))


def test_each_service_is_told_where_the_others_are() -> None:
    decided = installation.decide({})
    layout = Layout(Path("/state"))
    made = services.children(
        layout, decided, {"PATH": "/bin", "KUBECONFIG": "/home/me/.kube/config"},
        cache_command=("valkey-server", "valkey.conf"), cache_url="redis://cache", dashboard=Path("/pages"),
    )  # fmt: skip
    environments = {child.name: child.environment for child in made}
    assert list(environments) == ["valkey", "git_server", "repo_server", "app_controller", "api_server"]
    repo = f"127.0.0.1:{decided.ports['repo_server']}"
    assert environments["repo_server"]["REPO_SERVER_LISTEN"] == repo
    assert environments["app_controller"]["CONTROLLER_REPO_SERVER"] == repo
    assert environments["api_server"]["API_SERVER_REPO_SERVER"] == repo
    assert environments["api_server"]["API_SERVER_CONTROLLER"] == environments["app_controller"]["CONTROLLER_LISTEN"]
    assert environments["api_server"]["API_SERVER_DASHBOARD_DIR"] == "/pages"
    assert {environments[name]["TIPHYS_TLS_DIR"] for name in ("repo_server", "app_controller", "api_server")} == {
        "/state/pki/repo_server",
        "/state/pki/app_controller",
        "/state/pki/api_server",
    }
    assert not any("KUBECONFIG" in environment for environment in environments.values())


def test_no_secret_stands_on_a_command_line() -> None:
    decided = installation.decide({})
    made = services.children(
        Layout(Path("/state")), decided, {}, cache_command=("v",), cache_url="redis://x", dashboard=None
    )
    for child in made:
        line = " ".join(child.command)
        assert not any(secret in line for secret in (*decided.users.values(), decided.push_token))


def test_status_says_that_nothing_runs(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="make up"):
        report.status_of(Layout(tmp_path))


def test_folders_can_be_chosen() -> None:
    assert default_state_folder({}).name == ".tiphys"
    assert default_state_folder({"TIPHYS_STATE": "/elsewhere"}) == Path("/elsewhere")
    assert cache_folder({"TIPHYS_CACHE": "/c", "XDG_CACHE_HOME": "/x"}) == Path("/c")
    assert cache_folder({"XDG_CACHE_HOME": "/x"}) == Path("/x/tiphys")
    assert cache_folder({"HOME": "/h"}) == Path("/h/.cache/tiphys")


def test_private_files_are_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "new" / "secret"
    write_private(file, "one")
    file.chmod(0o644)
    write_private(file, b"two")
    assert file.read_text() == "two"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == ["secret"]

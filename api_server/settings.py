"""Everything the API server reads from its environment, once."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Fields shared by the three services carry the prefix TIPHYS_, its own API_SERVER_."""

    model_config = SettingsConfigDict(
        env_prefix="API_SERVER_", frozen=True, populate_by_name=True, env_ignore_empty=True
    )

    namespace: str = Field("argocd", validation_alias="TIPHYS_NAMESPACE")
    kubeconfig: Path | None = Field(None, validation_alias="TIPHYS_KUBECONFIG")
    context: str = Field("", validation_alias="TIPHYS_CONTEXT")
    tls_dir: Path = Field(validation_alias="TIPHYS_TLS_DIR")
    log_level: str = Field("info", validation_alias="TIPHYS_LOG_LEVEL")
    log_format: Literal["json", "text"] = Field("json", validation_alias="TIPHYS_LOG_FORMAT")

    host: str = "127.0.0.1"
    port: int = 8080
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 8083
    repo_server: str = "127.0.0.1:8081"
    controller: str = "127.0.0.1:8082"
    dashboard_dir: Path | None = None
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None

    @property
    def serves_tls(self) -> bool:
        return self.tls_cert_file is not None and self.tls_key_file is not None

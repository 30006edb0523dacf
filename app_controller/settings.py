"""Everything the controller reads from its environment, once."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict

from gitops.model.moments import parse_duration

Duration = Annotated[
    timedelta, BeforeValidator(lambda given: parse_duration(given) if isinstance(given, str) else given)
]


class Settings(BaseSettings):
    """Fields shared by the three services carry the prefix TIPHYS_, its own CONTROLLER_."""

    model_config = SettingsConfigDict(
        env_prefix="CONTROLLER_", frozen=True, populate_by_name=True, env_ignore_empty=True
    )

    namespace: str = Field("argocd", validation_alias="TIPHYS_NAMESPACE")
    kubeconfig: Path | None = Field(None, validation_alias="TIPHYS_KUBECONFIG")
    context: str = Field("", validation_alias="TIPHYS_CONTEXT")
    tls_dir: Path = Field(validation_alias="TIPHYS_TLS_DIR")
    log_level: str = Field("info", validation_alias="TIPHYS_LOG_LEVEL")
    log_format: Literal["json", "text"] = Field("json", validation_alias="TIPHYS_LOG_FORMAT")

    listen: str = "127.0.0.1:8082"  # LiveService
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 8085
    repo_server: str = "127.0.0.1:8081"
    workers: PositiveInt = 20  # visits at one moment
    poll_interval: Duration | None = None  # of Git references; absent: argocd-cm's timeout.reconciliation
    jq_time: Duration = timedelta(seconds=1)  # of the processor, for one jqPathExpression on one object
    operation_deadline: Duration = timedelta(hours=1)
    wave_pause: Duration = timedelta(seconds=2)

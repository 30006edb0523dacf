"""Everything the repo server reads from its environment, once."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from gitops.model.moments import parse_duration

Duration = Annotated[
    timedelta, BeforeValidator(lambda given: parse_duration(given) if isinstance(given, str) else given)
]


class Settings(BaseSettings):
    """Fields shared by the three services carry the prefix TIPHYS_, its own REPO_SERVER_."""

    model_config = SettingsConfigDict(
        env_prefix="REPO_SERVER_", frozen=True, populate_by_name=True, env_ignore_empty=True
    )

    redis_url: SecretStr = Field(SecretStr(""), validation_alias="TIPHYS_REDIS_URL")  # may hold a password
    tls_dir: Path = Field(validation_alias="TIPHYS_TLS_DIR")
    cache_key_file: Path | None = Field(None, validation_alias="TIPHYS_CACHE_KEY_FILE")
    log_level: str = Field("info", validation_alias="TIPHYS_LOG_LEVEL")
    log_format: Literal["json", "text"] = Field("json", validation_alias="TIPHYS_LOG_FORMAT")
    search_path: str = Field("/usr/local/bin:/usr/bin:/bin", validation_alias="PATH")  # where git and ssh are

    listen: str = "127.0.0.1:8081"
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 8084
    state_dir: Path  # mirrors and scratch directories
    tools_dir: Path  # holds helm and kustomize
    allow_local_urls: bool = False  # file:// repositories
    workers: PositiveInt = 2
    slow_renders: NonNegativeInt = 3  # go on beside the workers, in a process each, after slow_render_after
    slow_render_after: Duration = timedelta(seconds=10)
    worker_idle: Duration = timedelta(seconds=20)
    read_timeout: Duration = timedelta(seconds=30)  # to find in a commit what a source reads
    confinement: Literal["best-effort", "required"] = "best-effort"  # required: no render without all of it
    render_timeout: Duration = timedelta(seconds=60)
    timeout_memory: Duration = timedelta(minutes=1)  # a render that took too long; four times as long each time
    timeout_memory_max: Duration = timedelta(hours=1)
    render_memory_mb: PositiveInt = 512
    render_output_mb: PositiveInt = 64
    refs_max_age: Duration = timedelta(minutes=3)  # for callers who do not ask for fresh ones
    refs_timeout: Duration = timedelta(seconds=30)
    fetch_timeout: Duration = timedelta(minutes=5)
    git_processes: PositiveInt = 8  # at a time; a quarter is kept from any one Git server
    mirror_lifetime: Duration = timedelta(days=7)  # after which a mirror nobody asked for is removed
    cache_lifetime: Duration = timedelta(hours=24)
    cache_memory_mb: PositiveInt = 16

"""Every setting of an installation in one typed object, read from the environment (`UPTIER_...`) or a `.env` file."""

from __future__ import annotations

import os
import secrets
from datetime import timedelta
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.registry.durable import one_writer


class Settings(BaseSettings):
    """Where things are kept and how much is taken at once. The defaults run a shop on one machine with nothing installed."""

    model_config = SettingsConfigDict(env_prefix="UPTIER_", env_file=".env", extra="ignore")

    home: Path = Field(default=Path(".uptier"), description="folder for the embedded database, models and the secret")
    database_url: str = Field(default="", description="SQLAlchemy URL; empty means SQLite in the home folder")
    redis_url: str = Field(default="", description="Redis URL; empty means counters in the process")
    mlflow_uri: str = Field(
        default="", description="MLflow tracking URI; empty means SQLite in the home folder, 'off' disables"
    )
    secret: SecretStr = Field(
        default=SecretStr(""), description="signing secret; empty means one kept in the home folder"
    )
    previous_secrets: tuple[SecretStr, ...] = Field(
        default=(), description="secrets from before, as a JSON list: links in mail that was sent then go on working"
    )
    public_url: str = Field(
        default="", description="address under which customers reach this installation, for links in mail"
    )
    smtp_url: SecretStr = Field(
        default=SecretStr(""),
        description="mail server: smtp://host:port, smtps://user:password@host, or smtp+starttls://user:password@host",
    )
    mail_from: str = Field(
        default="", description="sender of mail to customers, such as 'Bean Street <hello@shop.example>'"
    )
    export_days: int = Field(default=7, ge=1, le=90, description="how long the files of exports are kept for download")
    max_body_bytes: int = Field(default=8_000_000, description="largest request body that is read")
    intake_waiting_events: int = Field(
        default=100_000,
        ge=10_000,
        description="usage events that wait to be stored at most; beyond, senders are told to wait",
    )
    intake_flush_events: int = Field(
        default=20_000, ge=1, description="usage events that are committed together at most"
    )
    intake_flush_ms: int = Field(
        default=2, ge=0, le=1000, description="how long the first usage event waits for others to be committed with"
    )
    holdout_per_ten_thousand: int = Field(default=500, ge=0, le=10_000, description="customers who never see an offer")
    instances: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="how many server processes share the load, for rate limits while Redis is away",
    )
    gate_seconds: int = Field(
        default=5,
        ge=1,
        le=300,
        description="how old an access answer from memory may be when a change was not heard of",
    )
    card_seconds: int = Field(
        default=300,
        ge=1,
        le=3600,
        description="how old what an offer is decided by may be when a change was not heard of",
    )
    served_share_ppm: int = Field(
        default=10_000,
        ge=0,
        le=1_000_000,
        description="millionths of answers whose features are kept, to be computed again at night",
    )
    quote_minutes: int = Field(default=60, ge=1, le=10_080, description="how long a quoted price holds")
    fonts: tuple[Path, ...] = Field(
        default=(), description="TrueType files for characters that the fonts of invoices lack, as a JSON list"
    )
    grace_days: int = Field(default=1, ge=0, le=30, description="how long a draft invoice waits for late usage")
    stripe_key: SecretStr = Field(
        default=SecretStr(""), description="Stripe's secret key; empty means that live tenants are paid by hand"
    )
    stripe_webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="the secret that Stripe signs its messages with"
    )
    stripe_address: str = Field(default="", description="address of Stripe's API; empty means Stripe's own")
    dunning_retry_days: str = Field(
        default="2,5,7,7",
        pattern=r"^(([1-9]|[1-5]\d|60)(,([1-9]|[1-5]\d|60)){0,19})?$",
        description="days between attempts after a decline",
    )
    dunning_grace_days: int = Field(default=7, ge=0, le=365, description="how long access lasts while past due")
    dunning_terminal: str = Field(
        default="uncollectible",
        pattern="^(uncollectible|cancel|keep_open)$",
        description="what becomes of an invoice that was tried for long enough",
    )
    webhook_private_addresses: bool = Field(
        default=False, description="let webhook endpoints be at private addresses and any port; for development only"
    )
    learning: bool = Field(default=True, description="train models by themselves, at the hour that each tenant has set")
    learning_workers: int = Field(default=1, ge=1, le=256, description="processes that train at once")
    webhook_days: int = Field(default=30, ge=1, le=365, description="how long settled webhook deliveries are kept")

    @property
    def resolved_database_url(self) -> str:
        """The database to use."""
        return self.database_url or f"sqlite:///{self.home.resolve() / 'uptier.db'}"

    @property
    def resolved_mlflow_uri(self) -> str | None:
        """The MLflow store to write runs to, or None when it is switched off."""
        if self.mlflow_uri == "off":
            return None
        return self.mlflow_uri or f"sqlite:///{self.home.resolve() / 'mlflow.db'}"

    def signing_secret(self) -> bytes:
        """The installation's secret: from the environment, or made once and kept readable by its owner alone."""
        given = self.secret.get_secret_value()
        if given:
            return given.encode()
        path = self.home / "secret"
        return (_kept(path) or _made_once(path)).encode()


def _kept(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


def _made_once(path: Path) -> str:
    """A new secret in the file, or the one that another process put there meanwhile; the file appears whole, by one rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with one_writer(path.with_name(".secret.lock")):
        found = _kept(path)
        if found:
            return found
        made, staging = secrets.token_hex(32), path.with_name(".secret.tmp")
        staging.unlink(missing_ok=True)
        descriptor = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            handle.write(made)
            handle.flush()
            os.fsync(handle.fileno())
        staging.replace(path)
    return made


def grace_of(settings: Settings) -> timedelta:
    """How long a draft invoice waits for late usage."""
    return timedelta(days=settings.grace_days)


def quote_life_of(settings: Settings) -> timedelta:
    """How long a quoted price holds."""
    return timedelta(minutes=settings.quote_minutes)

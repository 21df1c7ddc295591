"""Settings: the one place that reads the environment. Everything else gets values.

Every setting is an environment variable `PREMORTEM_<NAME>`; `.env.example` is written from this file by a test.
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The environment, parsed and checked once."""

    model_config = SettingsConfigDict(env_prefix="PREMORTEM_", env_file=".env", extra="ignore", frozen=True)

    data_dir: Annotated[
        Path, Field(description="Where the embedded profile keeps everything that it must not lose.")
    ] = Path(".premortem/data")
    http_host: Annotated[str, Field(description="Address that the gateway listens on.")] = "127.0.0.1"
    http_port: Annotated[int, Field(ge=0, le=65535, description="Port of the gateway (SDKs and read API).")] = 8790
    public_url: Annotated[
        str, Field(description="URL by which SDKs reach the gateway; empty = made from host and port.")
    ] = ""
    postgres_port: Annotated[int, Field(ge=0, le=65535, description="Port of the embedded PostgreSQL (loopback).")] = (
        8791
    )
    postgres_dsn: Annotated[
        str, Field(description="A PostgreSQL of your own, as owner (migrations); empty = the embedded one.")
    ] = ""
    clickhouse_port: Annotated[
        int, Field(ge=0, le=65535, description="Port of the embedded ClickHouse interface (loopback).")
    ] = 8792
    clickhouse_url: Annotated[
        str,
        Field(
            description="A ClickHouse server of your own (http://user:password@host:8123/database); empty = embedded."
        ),
    ] = ""
    kafka_brokers: Annotated[
        str,
        Field(description="Apache Kafka for the event log (host:9092,host:9092); empty = the log is in PostgreSQL."),
    ] = ""
    kafka_options: Annotated[
        str,
        Field(
            description="Further client settings of librdkafka, `name=value` by commas: security.protocol=SASL_SSL,..."
        ),
    ] = ""
    kafka_topic_prefix: Annotated[
        str,
        Field(pattern=r"^[A-Za-z0-9._-]{0,64}$", description="Stands before every topic's name on a shared broker."),
    ] = ""
    sqs_region: Annotated[
        str,
        Field(description="AWS region of the task queues, credentials as boto3 finds them; empty = in PostgreSQL."),
    ] = ""
    sqs_endpoint: Annotated[
        str, Field(description="URL of an SQS server that is not Amazon's; empty = Amazon's in the region.")
    ] = ""
    sqs_queue_prefix: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_-]{0,40}$", description="Stands before every queue's name.")
    ] = "premortem-"
    partitions: Annotated[
        int, Field(ge=1, le=1024, description="Partitions of each topic; fixed when the log is created.")
    ] = 4
    tick_seconds: Annotated[
        int, Field(ge=1, le=3600, description="How often the gateway writes its clock to the log.")
    ] = 60
    clock: Annotated[
        str, Field(description="`system`, or `scaled:<start ms>:<epoch ns>:<rate>` for demonstrations and tests.")
    ] = "system"
    payload_retention_days: Annotated[
        int, Field(ge=1, le=3650, description="Days that scrubbed bodies stay on the log after they were archived.")
    ] = 30
    wire_limit_bytes: Annotated[
        int, Field(ge=1024, description="Largest request body as sent, with its attachments.")
    ] = 20 << 20
    envelope_limit_bytes: Annotated[int, Field(ge=1024, description="Largest envelope after decompression.")] = 32 << 20
    large_bodies_bytes: Annotated[
        int, Field(ge=1 << 20, description="What bodies over 1 MiB may take in memory, all together.")
    ] = 256 << 20
    item_limit_bytes: Annotated[int, Field(ge=1024, description="Largest single event or log item.")] = 1 << 20
    body_deadline_seconds: Annotated[
        float, Field(gt=0, description="A body that takes longer to arrive is cut off.")
    ] = 10
    events_per_minute: Annotated[
        int, Field(ge=0, description="Rate limit of a new project's key, events a minute; 0 = none.")
    ] = 0
    github_url: Annotated[str, Field(description="GitHub's interface; of a server of your own: .../api/v3.")] = (
        "https://api.github.com"
    )
    github_clone_url: Annotated[
        str, Field(description="Where repositories are cloned from that the token is for: clone URLs begin with it.")
    ] = "https://github.com"
    github_token: Annotated[
        str, Field(description="A token that opens pull requests; empty = an App does, or none.")
    ] = ""
    github_app_id: Annotated[int, Field(ge=0, description="Id of a GitHub App that opens pull requests; 0 = none.")] = 0
    github_app_key: Annotated[str, Field(description="File with the App's private key (PEM).")] = ""
    model_url: Annotated[
        str,
        Field(description="Base URL of a language model that speaks OpenAI's interface (.../v1); empty = rules alone."),
    ] = ""
    model_key: Annotated[str, Field(description="Key of the model's server; empty = none is needed.")] = ""
    model_name: Annotated[str, Field(description="Name of the model.")] = ""
    model_seconds: Annotated[float, Field(gt=0, le=600, description="How long one answer of the model may take.")] = 120
    model_input_price: Annotated[
        Decimal, Field(ge=0, description="Dollars for a million tokens that the model is given.")
    ] = Decimal(0)
    model_output_price: Annotated[
        Decimal, Field(ge=0, description="Dollars for a million tokens that the model answers.")
    ] = Decimal(0)
    model_incident_tokens: Annotated[int, Field(ge=0, description="Tokens that one incident may take.")] = 200_000
    model_incident_dollars: Annotated[Decimal, Field(ge=0, description="Dollars that one incident may take.")] = (
        Decimal(2)
    )
    model_day_tokens: Annotated[int, Field(ge=0, description="Tokens of a tenant in a day (UTC).")] = 5_000_000
    model_day_dollars: Annotated[Decimal, Field(ge=0, description="Dollars of a tenant in a day (UTC).")] = Decimal(20)
    least_cases: Annotated[
        int,
        Field(ge=1, le=1000, description="Known outcomes of earlier causes of its kind that a cause needs for a fix."),
    ] = 5
    langfuse_url: Annotated[str, Field(description="Langfuse that shows the agents' steps; empty = none.")] = ""
    langfuse_public_key: Annotated[str, Field(description="Public key of its project.")] = ""
    langfuse_secret_key: Annotated[str, Field(description="Secret key of its project.")] = ""
    langfuse_project: Annotated[str, Field(description="Id of its project, for the addresses of traces.")] = ""
    hash_salt: Annotated[
        str, Field(description="Keys the hashes of users and secrets; empty = a secret in the data directory.")
    ] = ""
    log_level: Annotated[str, Field(description="debug, info, warning or error.")] = "info"
    crash_at: Annotated[
        str, Field(description="For tests: where a process kills itself, `NAME[:N],...[@DIRECTORY]`; empty = nowhere.")
    ] = ""

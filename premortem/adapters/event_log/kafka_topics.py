"""Topics in Kafka: made once with the settings that the log's promises need, and looked at for what breaks them."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, ClusterMetadata, ConfigResource, NewTopic, OffsetSpec, ResourceType

from premortem.adapters.event_log.kafka_client import (
    MAX_RECORD_BYTES,
    WAIT_SECONDS,
    name_of,
    opened,
    translated,
)
from premortem.exceptions import Conflict, Malformed, Unavailable
from premortem.ports import TOPICS, Topic, TopicState

_DAY_MS = 86_400_000
_FOR_EVER = "-1"
_MOST_REPLICAS = 3
_LOOK_SECONDS = 0.05
_NONE_FOR_THE_TIME = -1
_AROUND_BYTES = 128 << 10  # what stands around a record, when it cannot be compressed


def open_admin(brokers: str, options: Mapping[str, str]) -> AdminClient:
    """Return an administration client; it connects when first used."""
    return opened(AdminClient, brokers, options, {})


def answer(futures: Mapping[Any, Future[Any]], place: str) -> dict[Any, Any]:
    """Return the results of an administration call, in the order asked; raises our exceptions."""
    with translated(place):
        return {key: future.result(timeout=WAIT_SECONDS + 1) for key, future in futures.items()}


def partition_counts(brokers: str, options: Mapping[str, str], prefix: str) -> dict[Topic, int]:
    """Return the same as `counts_of`, by a client of its own. Blocks."""
    return counts_of(open_admin(brokers, options), prefix)


def counts_of(admin: AdminClient, prefix: str) -> dict[Topic, int]:
    """Return how many partitions each topic has; topics that are missing are left out."""
    found = _looked_up(admin).topics
    return {t: len(found[name].partitions) for t in TOPICS if (name := name_of(t, prefix)) in found}


def _count_brokers(admin: AdminClient) -> int:
    return len(_looked_up(admin).brokers)


def _looked_up(admin: AdminClient, topic: str | None = None) -> ClusterMetadata:
    """Return what the cluster says of itself, or of `topic`; raises Unavailable when it says nothing in time.

    The client asks once: a connection that is cut under way fails the call at once, with most of its time left.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            with translated(topic or "metadata"):
                return admin.list_topics(topic, timeout=max(deadline - time.monotonic(), _LOOK_SECONDS))
        except Unavailable:
            if time.monotonic() + _LOOK_SECONDS >= deadline:
                raise
            time.sleep(_LOOK_SECONDS)


def create_topics(
    brokers: str,
    *,
    partitions: int,
    payload_days: int,
    options: Mapping[str, str] | None = None,
    prefix: str = "",
    replicas: int | None = None,
) -> list[str]:
    """Create the topics that are missing and return their names.

    `replicas` None = as many as there are brokers, three at most. Raises Conflict when a topic is there whose settings
    break the log's promises, with the mend; those are never changed behind somebody's back.
    """
    admin = open_admin(brokers, options or {})
    existing = counts_of(admin, prefix)
    count = replicas or min(_MOST_REPLICAS, _count_brokers(admin))
    missing = [topic for topic in TOPICS if topic not in existing]
    new = [
        NewTopic(name_of(topic, prefix), partitions, count, config=_settings(topic, payload_days, count))
        for topic in missing
    ]
    if new:
        answer(admin.create_topics(new, operation_timeout=WAIT_SECONDS, request_timeout=WAIT_SECONDS), "topics")
        _wait_for_leaders(admin, [name_of(topic, prefix) for topic in missing], partitions)
    states = describe_topics(brokers, partitions=partitions, payload_days=None, options=options, prefix=prefix)
    problems = [problem for state in states for problem in state.problems]
    if problems:
        raise Conflict(" ".join(problems))
    return [name_of(topic, prefix) for topic in missing]


def _wait_for_leaders(admin: AdminClient, names: Sequence[str], partitions: int) -> None:
    """Return when every partition of new topics can be asked; the broker answers a creation before that."""
    deadline = time.monotonic() + 2 * WAIT_SECONDS
    for name in names:
        while not _has_leaders(admin, name, partitions):
            if time.monotonic() > deadline:
                raise Unavailable(f"Kafka, {name}: created, but no broker leads it yet")
            time.sleep(_LOOK_SECONDS)


def _has_leaders(admin: AdminClient, name: str, partitions: int) -> bool:
    found = _looked_up(admin, name).topics[name].partitions
    if len(found) < partitions or any(partition.leader < 0 for partition in found.values()):
        return False
    try:
        offsets(admin, name, partitions, OffsetSpec.latest())
    except (Unavailable, Malformed):
        return False
    return True


def describe_topics(
    brokers: str,
    *,
    partitions: int,
    payload_days: int | None,
    options: Mapping[str, str] | None = None,
    prefix: str = "",
) -> list[TopicState]:
    """Return every topic as it stands on the broker, in the order of `TOPICS`, with what is wrong with it.

    `payload_days` None = tell only what breaks the log's promises, not what has drifted from the settings or stayed
    behind a cluster that grew: with that the product still starts.
    """
    admin = open_admin(brokers, options or {})
    existing = counts_of(admin, prefix)
    known = _count_brokers(admin)
    states = []
    for topic in TOPICS:
        name, found = name_of(topic, prefix), existing.get(topic, 0)
        if not found:
            missing = f"{name} is missing. Run: premortem topics create."
            states.append(
                TopicState(name=name, partitions=0, records=0, retention_days=None, replication=0, problems=(missing,))
            )
            continue
        settings, replication = _described(admin, name)
        problems = _problems(topic, name, found, partitions, settings, replication)
        if payload_days is not None:
            problems += _drifted(topic, name, payload_days, settings, replication, known)
        first, end = (offsets(admin, name, found, spec) for spec in (OffsetSpec.earliest(), OffsetSpec.latest()))
        states.append(
            TopicState(
                name=name,
                partitions=found,
                records=sum(end) - sum(first),
                retention_days=_retention(settings),
                replication=replication,
                problems=tuple(problems),
            )
        )
    return states


def _described(admin: AdminClient, name: str) -> tuple[dict[str, str], int]:
    """Return the settings of a topic that is there, and on how many brokers its least replicated partition is."""
    resource = ConfigResource(ResourceType.TOPIC, name)
    settings = answer(admin.describe_configs([resource], request_timeout=WAIT_SECONDS), name)[resource]
    found = answer(admin.describe_topics(TopicCollection([name]), request_timeout=WAIT_SECONDS), name)[name]
    return (
        {setting: entry.value for setting, entry in settings.items()},
        min(len(partition.replicas) for partition in found.partitions),
    )


def offsets(admin: AdminClient, name: str, partitions: int, spec: OffsetSpec) -> list[int]:
    """Return an offset of each partition of the topic `name`; -1 where there is none for a time.

    The client remembers who leads a partition, and for long: of a leader that is gone it waits for an answer, one that
    came back leads anew, and where there was none for a moment it finds none. Then it is asked once more, after looking
    again.
    """
    try:
        return _asked(admin, name, partitions, spec)
    except Unavailable:
        _looked_up(admin)
    return _asked(admin, name, partitions, spec)


def _asked(admin: AdminClient, name: str, partitions: int, spec: OffsetSpec) -> list[int]:
    asked = {TopicPartition(name, partition): spec for partition in range(partitions)}
    with translated(name):
        futures = admin.list_offsets(asked, request_timeout=WAIT_SECONDS)
        found = [futures[place].result(timeout=WAIT_SECONDS + 1).offset for place in asked]
    if min(found) < _NONE_FOR_THE_TIME:  # what the client fills in for a partition whose broker did not answer in time
        raise Unavailable(f"Kafka, {name}: no answer in {WAIT_SECONDS} s")
    return found


def broker_version(brokers: str, options: Mapping[str, str]) -> str:
    """Return what answers at `brokers`: the cluster's id and its brokers. Kafka's protocol tells no version."""
    cluster = _looked_up(open_admin(brokers, options))
    return f"Kafka cluster {cluster.cluster_id}, {len(cluster.brokers)} brokers"


def _settings(topic: Topic, payload_days: int, replicas: int) -> dict[str, str]:
    bodies = topic == "sentry.payloads"
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(payload_days * _DAY_MS) if bodies else _FOR_EVER,
        "retention.bytes": _FOR_EVER,
        "message.timestamp.type": "LogAppendTime",  # retention must not go by the clocks of clients
        "max.message.bytes": str(MAX_RECORD_BYTES + _AROUND_BYTES),
        "min.insync.replicas": "2" if replicas >= _MOST_REPLICAS else "1",
        "unclean.leader.election.enable": "false",
        **({"segment.ms": str(_DAY_MS)} if bodies else {}),  # the newest segment never expires: no longer than a day
    }


def _problems(
    topic: Topic, name: str, found: int, partitions: int, settings: Mapping[str, str], replication: int
) -> list[str]:
    bodies = topic == "sentry.payloads"
    problems = []
    if found != partitions:
        problems.append(f"{name} has {found} partitions, and that is fixed. Set PREMORTEM_PARTITIONS={found}.")
    if "compact" in settings.get("cleanup.policy", ""):
        problems.append(f"{name} is compacted, which makes holes in the log. Set cleanup.policy=delete.")
    kept = ("retention.bytes",) if bodies else ("retention.ms", "retention.bytes")
    finite = [setting for setting in kept if settings.get(setting) != _FOR_EVER]
    problems.extend(f"{name} forgets its records ({s}={settings.get(s)}). Set {s}=-1." for s in finite)
    if bodies and _retention(settings) is None:
        problems.append(
            f"{name} keeps bodies for ever. Set retention.ms to what PREMORTEM_PAYLOAD_RETENTION_DAYS says."
        )
    if bodies and settings.get("message.timestamp.type") != "LogAppendTime":
        problems.append(f"{name} goes by the clocks of clients. Set message.timestamp.type=LogAppendTime.")
    if int(settings.get("max.message.bytes", 0)) < MAX_RECORD_BYTES:
        problems.append(f"{name} takes too small records. Set max.message.bytes={MAX_RECORD_BYTES + _AROUND_BYTES}.")
    if settings.get("unclean.leader.election.enable") == "true":
        problems.append(f"{name} lets a replica that lags become the leader. Set unclean.leader.election.enable=false.")
    wanted = int(settings.get("min.insync.replicas", 1))
    if wanted > replication:
        problems.append(
            f"{name} takes no record: it wants {wanted} replicas of {replication}. Lower min.insync.replicas."
        )
    if replication >= _MOST_REPLICAS and wanted == 1:
        problems.append(f"{name} answers when one replica has a record. Set min.insync.replicas=2.")
    return problems


def _drifted(
    topic: Topic, name: str, payload_days: int, settings: Mapping[str, str], replication: int, brokers: int
) -> list[str]:
    """Return what is not as the product would make it today."""
    problems = []
    kept = _retention(settings)
    if topic == "sentry.payloads" and kept is not None and kept != payload_days:
        problems.append(
            f"{name} keeps bodies for {kept:g} days, and PREMORTEM_PAYLOAD_RETENTION_DAYS says {payload_days}. "
            f"Set retention.ms={payload_days * _DAY_MS}, or the setting."
        )
    if replication < _MOST_REPLICAS <= brokers:
        problems.append(
            f"{name} is on {replication} of {brokers} brokers: their loss is its loss. Give its partitions "
            f"{_MOST_REPLICAS} replicas (kafka-reassign-partitions.sh), then set min.insync.replicas=2."
        )
    return problems


def _retention(settings: Mapping[str, str]) -> float | None:
    ms = settings.get("retention.ms", _FOR_EVER)
    return None if ms == _FOR_EVER else int(ms) / _DAY_MS


def require(counts: Mapping[Topic, int], topic: Topic) -> int:
    """Return the topic's number of partitions; Malformed when it is missing."""
    count = counts.get(topic)
    if count is None:
        raise Malformed(f"there is no topic {topic!r}. Create the topics: premortem topics create.")
    return count

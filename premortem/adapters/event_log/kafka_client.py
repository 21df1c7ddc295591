"""What every client of Kafka shares: settings, names of topics, and what its errors mean to us.

Names of settings and codes of errors are librdkafka's (CONFIGURATION.md and rdkafka.h of its sources).
"""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException

from premortem.exceptions import Malformed, OffsetLost, PremortemException, Unavailable
from premortem.ports import Topic

WAIT_SECONDS = 5.0
"""How long a question to the broker may take."""
DELIVERY_SECONDS = 10.0
"""How long an append may take, with all attempts."""
MAX_RECORD_BYTES = 4 << 20
"""Largest key and value of a record: a body of 1 MiB in base64 in a dead letter, and room to spare."""

T = TypeVar("T")
_LOGGER = logging.getLogger("premortem.kafka")
_SHARED = {
    "client.id": "premortem",
    "socket.timeout.ms": int(WAIT_SECONDS * 1000),
    "socket.connection.setup.timeout.ms": int(WAIT_SECONDS * 1000),
    "socket.keepalive.enable": True,
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 1000,
    "log.connection.close": False,  # brokers close idle connections, and clients open them again
}
_OURS = frozenset(
    {
        *("bootstrap.servers", "metadata.broker.list", "group.id", "transactional.id", "partitioner", "logger"),
        *("acks", "request.required.acks", "enable.idempotence", "auto.offset.reset", "enable.auto.commit"),
        *("enable.auto.offset.store", "check.crcs", "allow.auto.create.topics", "enable.partition.eof"),
        *("message.timeout.ms", "delivery.timeout.ms", "message.max.bytes", "isolation.level"),
    }
)
_COMMA = re.compile(r"(?<!\\),")
_LOST = {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._LOG_TRUNCATION}
_TOO_LARGE = {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE}
_NO_TOPIC = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}
_NOT_ALLOWED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError._AUTHENTICATION,
}


def parse_options(text: str) -> dict[str, str]:
    """Return the settings in `name=value,name=value`; a comma inside a value has a backslash before it.

    Malformed for a part without a name, and for a setting on which the safety of records rests.
    """
    options: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in _COMMA.split(text))):
        name, sign, value = (word.strip() for word in part.partition("="))
        if not sign or not name:
            raise Malformed(
                "PREMORTEM_KAFKA_OPTIONS has a part without `=`. Write name=value,name=value, and `\\,` for a comma "
                "inside a value."
            )
        options[name] = value.replace("\\,", ",")
    _refuse_ours(options)
    return options


def opened(client: Callable[[dict[str, Any]], T], brokers: str, options: Mapping[str, str], own: dict[str, Any]) -> T:
    """Return a new client with our settings, those that it needs for itself, and the options, which go before them.

    It connects when first used. Malformed when librdkafka does not know an option, or not such a value.
    """
    _refuse_ours(options)
    try:
        return client({**_SHARED, **own, **options, "bootstrap.servers": brokers, "logger": _LOGGER})
    except KafkaException as exception:
        raise Malformed(f"{exception.args[0].str()}. Mend PREMORTEM_KAFKA_OPTIONS.") from exception


def _refuse_ours(options: Mapping[str, str]) -> None:
    for name in options:
        if name in _OURS or name.endswith("_cb"):
            raise Malformed(f"PREMORTEM_KAFKA_OPTIONS may not set {name}: no record would be safe. Leave it out.")


def name_of(topic: Topic, prefix: str) -> str:
    """Return the topic's name on the broker."""
    return prefix + topic


def meaning(error: KafkaError, place: str) -> PremortemException:
    """Return our exception for an error of Kafka's at `place` (a topic or a partition)."""
    code = error.code()
    if code in _LOST:
        return OffsetLost(
            f"{place}: {error.str()}. The retention is shorter than the outage was, or the topic was made anew. Reset "
            f"the reader's checkpoint to go on."
        )
    if code in _TOO_LARGE:
        return Malformed(
            f"{place} takes no record this large. Lower PREMORTEM_ITEM_LIMIT_BYTES, or raise max.message.bytes."
        )
    if code in _NO_TOPIC:
        return Malformed(f"there is no topic {place}. Create the topics: premortem topics create.")
    if code in _NOT_ALLOWED:
        return Malformed(f"Kafka refuses us at {place} ({error.str()}). Mend PREMORTEM_KAFKA_OPTIONS, or the ACLs.")
    return Unavailable(f"Kafka, {place}: {error.str()}")


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Turn what Kafka's client raises inside the block into our exceptions."""
    try:
        yield
    except KafkaException as exception:
        raise meaning(exception.args[0], place) from exception
    except (RuntimeError, TimeoutError) as exception:  # a client that was closed meanwhile; one that says nothing
        raise Unavailable(f"Kafka, {place}: {exception}") from exception

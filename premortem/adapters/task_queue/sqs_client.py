"""The client of SQS: every deadline set, credentials as boto3 finds them, errors in our words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from premortem.exceptions import Conflict, Malformed, PremortemException, Unavailable

Client = Any
"""boto3 makes its clients while it runs; they have no type."""

LONGEST_POLL_SECONDS = 20
_CONNECT_SECONDS = 3
_ATTEMPTS = 3
_MISSING = {"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"}
_STALE = {"ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight"}
_REFUSED = {"AccessDenied", "AccessDeniedException", "InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken"}


def open_client(region: str, endpoint: str = "") -> Client:
    """Return a client of the region, or of the server at `endpoint`, which may want no account."""
    session = boto3.session.Session(region_name=region)
    keys = {}
    if endpoint and session.get_credentials() is None:
        keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}  # a server of one's own asks for any
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=LONGEST_POLL_SECONDS + 5,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
    )
    return session.client("sqs", endpoint_url=endpoint or None, config=config, **keys)


@contextmanager
def translated(queue: str) -> Iterator[None]:
    """Turn what boto3 raises inside the block into our exceptions."""
    try:
        yield
    except ClientError as exception:
        raise _meaning(exception, queue) from exception
    except (NoCredentialsError, NoRegionError) as exception:
        raise Malformed(
            f"SQS: {exception}. Set AWS_ACCESS_KEY_ID and its secret, or give the machine a role."
        ) from exception
    except BotoCoreError as exception:
        raise Unavailable(f"SQS does not answer for {queue}: {exception}") from exception


def _meaning(exception: ClientError, queue: str) -> PremortemException:
    error = exception.response.get("Error", {})
    code = str(error.get("Code", "")).removeprefix("com.amazonaws.sqs#")
    if code in _MISSING:
        return Malformed(f"there is no queue {queue}. Create the queues: premortem queues create.")
    if code in _STALE:
        return Conflict(f"{queue}: the receipt is no longer good: {error.get('Message')}")
    if code in _REFUSED:
        return Malformed(f"SQS refuses us at {queue} ({code}). Mend the credentials or the queue's policy.")
    return Unavailable(f"SQS, {queue}: {code} {error.get('Message', '')}"[:500])

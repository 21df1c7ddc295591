"""A double of GitHub for tests; every one that uses it fails when anything did not keep to GitHub's description."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.github.double import Double


@pytest.fixture
def github(tmp_path: Path) -> Iterator[Double]:
    """A double without repositories; `host` makes one."""
    double = Double(tmp_path / "github").start()
    yield double
    double.stop()
    assert double.violations == [], double.violations


@pytest.fixture(scope="session")
def app_keys() -> tuple[str, str]:
    """A private key and its public key, as PEM."""
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private.decode(), public.decode()

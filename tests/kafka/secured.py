"""A broker with TLS, users and an authorizer, and clients of it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from andon.topics import rights_of
from contracts.settings import Kafka
from dataflows.kafka_client import admin_client
from dataflows.rights import missing_rights
from deploy.kafka.local import LocalKafka, Secured
from tests.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from contracts.settings import Settings

__all__ = ["KEY_PASSWORD", "PASSWORD", "USER", "SecuredKafka", "rights", "secured", "toml_of"]

USER = "andon"
PASSWORD = "scram-Pa55 word"
KEY_PASSWORD = "key-Pa55 word"
WAIT_S = 20

Right = tuple[ResourceType, str, AclOperation]


@dataclass(frozen=True, slots=True)
class SecuredKafka:
    """The broker, and what clients need to come in by each of its doors."""

    broker: LocalKafka
    authority: Authority
    folder: Path
    admin: AdminClient
    """May do everything."""

    @property
    def password(self) -> Path:
        """The file with the user's password."""
        return _written(self.folder / "password", PASSWORD)

    @property
    def key_password(self) -> Path:
        """The file with the password of the key of the user's certificate."""
        return _written(self.folder / "key-password", KEY_PASSWORD)

    def add_user(self, name: str, password: str) -> None:
        """Somebody who may come in with a password."""
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        user = UserScramCredentialUpsertion(name, info, password.encode())
        for answer in self.admin.alter_user_scram_credentials([user]).values():
            answer.result(WAIT_S)

    def scram(self, **changed: str) -> dict[str, str]:
        """`[kafka.client]` of the user with a password, which is in a file."""
        return {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": USER,
            "sasl.password_file": str(self.password),
            "ssl.ca.location": str(self.authority.file),
            **changed,
        }

    def mtls(self, **changed: str) -> dict[str, str]:
        """`[kafka.client]` of the same user with a certificate, whose key needs a password."""
        identity = self.authority.vouch_for(USER, password=KEY_PASSWORD)
        return {
            "security.protocol": "SSL",
            "ssl.certificate.location": str(identity.certificate),
            "ssl.key.location": str(identity.key),
            "ssl.key.password_file": str(self.key_password),
            "ssl.ca.location": str(self.authority.file),
            **changed,
        }

    def grant(self, rights: Iterable[Right]) -> None:
        """Let the user do these things and nothing else; returns when it is so."""
        rights = list(rights)
        principal = f"User:{USER}"
        everything = AclBindingFilter(
            *(ResourceType.ANY, None, ResourcePatternType.ANY, principal, None, AclOperation.ANY, AclPermissionType.ANY)
        )
        wanted = {
            AclBinding(sort, name, ResourcePatternType.LITERAL, principal, "*", operation, AclPermissionType.ALLOW)
            for sort, name, operation in rights
        }
        # What stays is never taken away in between: a service that runs would see it.
        there = set(self.admin.describe_acls(everything).result(WAIT_S))
        deleted = there - wanted
        if deleted:
            for answer in self.admin.delete_acls([_exactly(binding) for binding in deleted]).values():
                answer.result(WAIT_S)
        if wanted - there:
            for answer in self.admin.create_acls(list(wanted - there)).values():
                answer.result(WAIT_S)
        of_topics = {(name, operation) for sort, name, operation in rights if sort is ResourceType.TOPIC}
        topics = {name for name, _ in of_topics}
        topics |= {binding.name for binding in deleted if binding.restype is ResourceType.TOPIC}
        deadline = time.monotonic() + WAIT_S
        while self._allowed(topics & self._topics()) != {(name, each) for name, each in of_topics}:
            assert time.monotonic() < deadline, "the authorizer doesn't know yet"
            time.sleep(0.05)

    def _topics(self) -> set[str]:
        return set(self.admin.list_topics(timeout=WAIT_S).topics)

    def _allowed(self, topics: set[str]) -> set[tuple[str, AclOperation]]:
        """What the user may read and write."""
        kafka = Kafka(bootstrap_servers=self.broker.scram_bootstrap, client=self.scram())
        lacks = set(missing_rights(admin_client(kafka), reads=topics, writes=topics))
        wanted = [(topic, each) for topic in topics for each in (AclOperation.READ, AclOperation.WRITE)]
        return {(topic, each) for topic, each in wanted if f"{each.name} of topic {topic}" not in lacks}


def rights(settings: Settings, role: str = "service") -> list[Right]:
    """What `andon topics rights` says that is needed, and no more."""
    return [
        (ResourceType[sort.upper()], name, AclOperation[operation.upper()])
        for operations, places in rights_of(settings, role)
        for operation in operations
        for sort, name in places
    ]


def secured(folder: Path) -> Iterator[SecuredKafka]:
    """Start such a broker, with the one user of it."""
    authority = Authority(folder / "authority")
    files = Secured(identity=authority.vouch_for("broker").both, authority=authority.file)
    with LocalKafka(folder / "broker", secured=files) as broker:
        made = SecuredKafka(
            broker, authority, folder, AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 2})
        )
        made.add_user(USER, PASSWORD)
        yield made


def toml_of(client: dict[str, str]) -> str:
    """A `[kafka.client]` table."""
    return "\n".join(["[kafka.client]", *(f'"{name}" = {json.dumps(value)}' for name, value in client.items()), ""])


def _written(file: Path, text: str) -> Path:
    file.write_text(f"{text}\n")
    file.chmod(0o600)
    return file


def _exactly(binding: AclBinding) -> AclBindingFilter:
    """The filter that finds this one alone."""
    return AclBindingFilter(
        binding.restype,
        binding.name,
        binding.resource_pattern_type,
        binding.principal,
        binding.host,
        binding.operation,
        binding.permission_type,
    )

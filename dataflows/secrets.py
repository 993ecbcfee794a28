"""Secrets in files: passwords that are in no settings, no environment and no list of processes.

Read when they are needed, so that a password that was changed is taken at the next start, and nothing that prints the
settings can print them.
"""

from __future__ import annotations

from pathlib import Path

from contracts.errors import ConfigError, Problem

__all__ = ["SECRET_BYTES_MAX", "is_secret", "read_secret"]

SECRET_BYTES_MAX = 64 * 1024
"""A password, a token, a key in PEM: whatever is longer is another file."""

_SECRET_WORDS = ("password", "secret", "passphrase", ".pem", "oauthbearer.config")


def is_secret(name: str) -> bool:
    """Whether a property of the Kafka client carries a secret itself, by librdkafka's way of naming them."""
    return any(word in name.lower() for word in _SECRET_WORDS) and not name.endswith((".file", "_file", ".location"))


def read_secret(path: str, *, key: str) -> str:
    """The text of a file, without the line break at its end.

    Args:
        key: the setting that names the file, for messages.

    Raises: ConfigError if it can't be read, is empty, too long, or no text. The message has nothing of what is in it.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(SECRET_BYTES_MAX + 1)
        text = content.decode()
    except OSError as error:
        raise _unusable(key, f"{path} can't be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise _unusable(key, f"{path} isn't text in UTF-8.") from None
    if len(content) > SECRET_BYTES_MAX:
        raise _unusable(key, f"{path} has more than {SECRET_BYTES_MAX} bytes.")
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise _unusable(key, f"{path} is empty.")
    return text


def _unusable(key: str, fault: str) -> ConfigError:
    return ConfigError("secrets", (Problem(key, fault, "Give a file that holds the secret and nothing else."),))

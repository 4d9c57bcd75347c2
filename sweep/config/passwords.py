"""Passwords in addresses: only the running process uses them; what is kept, printed or published has stars instead."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote, unquote_plus

STARS = "***"

WITH_ADDRESSES = ("tracking", "sweep")
"""Sections whose values may be addresses with a password. They are no part of a trial's key, and no worker reads their
addresses, so that a trial goes without the passwords from the moment it is planned."""

_ADDRESSES = ("tracking.uri", "sweep.store")

# As far as the last @: people write passwords with any sign unencoded, and hiding too much is better than too little.
_PASSWORD = re.compile(r"(?P<before>://[^:/]*:)(?P<secret>.*)(?=@)", re.DOTALL)
_WITHOUT_SCHEME = re.compile(r"(?P<before>^[^:]*:)(?P<secret>.*)(?=@)", re.DOTALL)
# odbc_connect is a whole connection string of a database, which has the password somewhere inside.
_PARAMETER = re.compile(
    r"(?P<before>[?&][^=&?]*(?:password|passwd|passphrase|pwd|token|secret|key|odbc_connect)[^=&?]*=)(?P<secret>[^&]*)",
    re.IGNORECASE,
)
_ADDRESS_IN_TEXT = re.compile(r"\S*://\S*")

_SHORTEST = 4
"""A password, or a part of one, that is shorter is not looked for in a text: it would be found in all kinds of words."""


def hide_password(address: str) -> str:
    """Return an address with stars for the password before its host, and for those among its parameters."""
    return _PARAMETER.sub(rf"\g<before>{STARS}", _password_of(address).sub(rf"\g<before>{STARS}", address))


def hide_in_text(text: str, address: str | None = None) -> str:
    """Return a text, such as another program's error, with stars for the passwords of the addresses in it.

    Args:
        text: any text.
        address: what the text is about: its password is hidden wherever it stands, whole, decoded, or the part of it that a
            parser has taken for something else.
    """
    if address is not None:
        text = text.replace(address, hide_password(address))
    text = _ADDRESS_IN_TEXT.sub(lambda found: hide_password(found.group()), text)
    for secret in [] if address is None else _secrets(address):
        text = text.replace(secret, STARS)
    return text


def hide_in_refusal(text: str, arguments: Sequence[str]) -> str:
    """Return why a command line is refused without the passwords in its arguments: a parser may repeat any piece of them."""
    for argument in arguments:
        address = argument.partition("=")[2].strip("'\"")
        if "://" in address:
            text = hide_in_text(text, address)
    return hide_in_text(text)


def hide_in_overrides(overrides: Sequence[str]) -> list[str]:
    """Return Hydra overrides with stars for the passwords of the addresses in them."""
    found = []
    for override in overrides:
        key, equals, value = override.partition("=")
        is_address = "://" in value or key.lstrip("+") in _ADDRESSES
        found.append(f"{key}{equals}{hide_password(value) if is_address else value}")
    return found


def hide_in_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration without the passwords of its bookkeeping; the sections that have none are the same objects."""
    return {name: hide_in_values(section) if name in WITH_ADDRESSES else section for name, section in config.items()}


def hide_in_values(value: Any) -> Any:
    """Return a value, or what is in a dictionary or list, with stars for passwords; the same object where there are none."""
    if isinstance(value, str):
        return hide_password(value)
    if isinstance(value, Mapping):
        hidden: Any = {name: hide_in_values(inner) for name, inner in value.items()}
    elif isinstance(value, list):
        hidden = [hide_in_values(inner) for inner in value]
    else:
        return value
    return value if hidden == value else hidden


def _password_of(address: str) -> re.Pattern[str]:
    return _PASSWORD if "://" in address else _WITHOUT_SCHEME


def _secrets(address: str) -> list[str]:
    """Return what is not to be seen of an address, the longest first."""
    found = [match["secret"] for pattern in (_password_of(address), _PARAMETER) for match in pattern.finditer(address)]
    found += [part for secret in found for part in re.split(r"[^\w%-]", secret)]
    found += [decoded(secret) for secret in found for decoded in (unquote, unquote_plus)]
    return sorted({secret for secret in found if len(secret) >= _SHORTEST}, key=len, reverse=True)

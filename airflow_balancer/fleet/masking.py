"""Masks secrets in all output: a value under a secret's key is masked there and wherever it appears again.

Some values are masked under their key alone, since other text may be equal: those of fewer than four characters, numbers of
fewer than six digits, common words, and parts of a host's or port's name. Sizes, slots and port numbers are not masked.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote

from ..errors import BalancerError, ConfigurationError

if TYPE_CHECKING:
    from pydantic import BaseModel

MASK = "**********"
_WORDS = r"passw(?:or)?d|passphrase|secret|token|private_?key|pkey"
_SECRET_KEY = re.compile(_WORDS, re.IGNORECASE)
_STEMS = ("passw", "passphrase", "secret", "token", "private", "pkey")
"""Each of the words contains one of these."""
_SHORTEST, _SHORTEST_NUMBER, _LONGEST_SHOWN = 4, 6, 60
_FEW = 100
_COMMON = frozenset(["true", "false", "null", "none", "default", "airflow", "admin", "root"])
_COUNTS = frozenset(("size", "slots", "port", "min", "max", "default_size"))
_VARIABLE_KEYS = frozenset(("_target_", "key", "description", "is_encrypted", "deserialize_json"))
_NAMED = frozenset(("hosts", "ports", "pools", "host_overrides", "dags", "tasks"))
"""Keys of mappings by name; a name in them does not make its value a secret."""
_LOGIN = re.compile(r"((?<=://)[^\s/:@]*|(?<!\S)[\w.-]+(?!://)):(\S+)@")
_OPTION = re.compile(
    rf"(?<![\w.-])([\w.-]*(?:{_WORDS})[\w-]*=)(?!None\b|['\"]?\*{{10}})('[^']*'|\"[^\"]*\"|[^\s,;&|'\"(){{}}\[\]]+)", re.IGNORECASE
)
_ALL_OPTION = re.compile(rf"\A[\w.-]*(?:{_WORDS})[\w-]*=(?!None\b|\*{{10}})(.+)\Z", re.IGNORECASE | re.DOTALL)
"""A string that is one option, whose value may have any characters."""
_KEY_IN_WORD = re.compile(rf"(?:{_WORDS})[\w-]*['\"]?(?:\.[^=:]*)?\s*[=:]", re.IGNORECASE)


def is_secret_key(key: object) -> bool:
    """Return whether the name of a key says that its value is secret."""
    return isinstance(key, str) and _SECRET_KEY.search(key) is not None


def may_hold_secrets(text: str) -> bool:
    """Return whether a string has a secret's key, or a URL with a login."""
    return _SECRET_KEY.search(text) is not None or _LOGIN.search(text) is not None


def needs_no_mask(text: str, secrets: Collection[str]) -> bool:
    """Return whether `mask` certainly leaves data unchanged whose JSON is `text`."""
    # Outside ASCII, a letter may have several upper or lower forms.
    lower = text.lower() if text.isascii() else ""
    return bool(lower) and "@" not in text and not any(stem in lower for stem in _STEMS) and not _present(secrets, text)


def secrets_of(*data: Any) -> set[str]:
    """Return the secrets in plain data: under secret keys, in URLs with a login, and in strings such as `password=x`."""
    found, names = set[str](), set[str]()
    for item in data:
        _collect(item, found, names)
    text = "\n".join(names)
    return {secret for secret in found if _is_telling(secret) and secret not in text}


def _is_telling(secret: str) -> bool:
    shortest = _SHORTEST_NUMBER if secret.isdecimal() else _SHORTEST
    return len(secret) >= shortest and secret != MASK and secret.lower() not in _COMMON


def _collect(data: Any, found: set[str], names: set[str], *, secret: bool = False, named: bool = False) -> None:
    if hasattr(data, "model_fields_set"):
        data = data.__dict__
    if isinstance(data, Mapping):
        is_variable = secret and "key" in data
        for key, value in data.items():
            below = secret and not (is_variable and key in _VARIABLE_KEYS)
            _collect(value, found, names, secret=below or (not named and is_secret_key(key)), named=key in _NAMED)
            if key == "name" and isinstance(value, str) and not secret:
                names.add(value)
            if key in _NAMED and isinstance(value, Mapping):
                names.update(map(str, value))
    elif isinstance(data, list | tuple | set | frozenset):
        for item in data:
            _collect(item, found, names, secret=secret)
    elif secret and data is not None and not isinstance(data, bool):
        found.add(str(data))
    elif isinstance(data, str):
        found.update(_in_text(data))


def _in_text(text: str) -> Iterator[str]:
    for login in _LOGIN.finditer(text) if "@" in text else ():
        yield from (login[2], unquote(login[2]))
    if whole := _ALL_OPTION.search(text):
        yield whole[1]
    for option in _OPTION.finditer(text) if "=" in text else ():
        yield option[2].strip("'\"")


def word_secrets(words: Iterable[str]) -> set[str]:
    """Return the secrets in words of a command line or in overrides: what follows a secret's key, and passwords in URLs."""
    found = secrets_of(words := list(words))
    for word in words:
        for key in _KEY_IN_WORD.finditer(word):
            value = word[key.end() :].strip()
            parts = {value, value.rstrip("]}"), *re.split(r"[,\]}]", value)}
            found |= {part for given in parts if _is_telling(part := given.strip().strip("'\""))}
    return found


def mask_word(word: str, secrets: Collection[str] = ()) -> str:
    """Mask a word of the command line or an override: all that follows a secret's key, and the `secrets`."""
    key = _KEY_IN_WORD.search(word)
    return mask_text(f"{word[: key.end()]}{MASK}" if key else word, secrets)


def mask_text(text: str, secrets: Collection[str] = ()) -> str:
    """Mask the `secrets` in a string, in all their forms, and the secrets that the string itself reveals."""
    return _mask_string(text, _present(secrets, text))


def _mask_string(text: str, present: Iterable[str]) -> str:
    for form in present:
        text = text.replace(form, MASK)
    if "@" in text:
        text = _LOGIN.sub(rf"\1:{MASK}@", text)
    return _OPTION.sub(rf"\1{MASK}", text) if "=" in text else text


def _present(secrets: Iterable[str], text: str) -> list[str]:
    """Return the forms of secrets that a string contains, the longest first."""
    return _search(text, [_index(secrets)])


def _index(secrets: Iterable[str]) -> dict[str, set[str]]:
    """Return the forms of secrets by their first characters."""
    forms = defaultdict[str, set[str]](set)
    for secret in secrets:
        for form in _forms(secret):
            forms[form[:_SHORTEST]].add(form)
    return forms


def _search(text: str, indexes: Sequence[dict[str, set[str]]]) -> list[str]:
    """Return the forms that a string contains. Of thousands, only those are searched for whose first characters it contains."""
    if sum(len(forms) for index in indexes for forms in index.values()) <= _FEW:
        return sorted({form for index in indexes for forms in index.values() for form in forms if form in text}, key=len, reverse=True)
    starts = {text[place : place + _SHORTEST] for place in range(len(text))}
    found = {form for index in indexes for start in index.keys() & starts for form in index[start] if form in text}
    return sorted(found, key=len, reverse=True)


def _forms(secret: str) -> set[str]:
    """Return a secret as messages, JSON, YAML and URLs write it, and each of its lines."""
    if secret.isalnum() and secret.isascii():
        return {secret}
    lines = {line for part in secret.splitlines() if _is_telling(line := part.strip())}
    escaped = {repr(secret)[1:-1], json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    quoted = {secret.replace("'", "''"), secret.replace("'", r"\'"), secret.replace("'", "'\"'\"'"), " ".join(secret.split())}
    urls = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    return {form for form in {secret, secret.strip(), *lines, *escaped, *quoted, *urls} if _is_telling(form)}


def mask(data: Any, secrets: Collection[str] = ()) -> Any:
    """Mask secrets in plain data: under secret keys, and wherever these or the given `secrets` occur again.

    A reference to an Airflow Variable (`{key: ...}`) is not a secret.

    >>> mask({"password": "hunter2", "command": "login hunter2", "size": 3})
    {'password': '**********', 'command': 'login **********', 'size': 3}
    """
    # A fleet may have a password for each host: replacing all of them in each string would take seconds.
    return _masked(data, _present({*secrets, *secrets_of(data)}, "\n".join(_strings(data))))


def mask_args(owner: BaseModel, args: Iterable[tuple[str | None, Any]]) -> Iterator[tuple[str | None, Any]]:
    """Mask the secrets in the names and values that a model's repr shows, also within other models."""
    secrets = secrets_of(owner)
    for name, value in args:
        yield name, _Shown(mask_text(repr(_masked_under(name, value, [])), secrets))


class _Shown(str):
    """A string whose repr is itself."""

    __slots__ = ()
    __repr__ = str.__str__


def _strings(data: Any) -> Iterator[str]:
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield str(key)
            yield from _strings(value)
    elif isinstance(data, list | tuple):
        for item in data:
            yield from _strings(item)
    elif isinstance(data, str | int | float):
        yield str(data)


def _masked(data: Any, present: list[str], *, named: bool = False) -> Any:
    if isinstance(data, Mapping):
        return {_masked(key, present): _masked_under("" if named else key, value, present) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_masked(item, present) for item in data]
    if isinstance(data, str):
        return _mask_string(data, present)
    is_number = isinstance(data, int | float) and not isinstance(data, bool)
    return MASK if is_number and present and str(data) in present else data


def _masked_under(key: object, value: Any, present: list[str]) -> Any:
    if key in _COUNTS and isinstance(value, int):
        return value
    if not is_secret_key(key) or value is None:
        return _masked(value, present, named=key in _NAMED)
    if hasattr(value, "model_copy") and hasattr(value, "key"):
        return value.model_copy(update={"val": ""}) if getattr(value, "val", "") else value
    if isinstance(value, Mapping) and "key" in value:
        return {name: _masked(item, present) if name in _VARIABLE_KEYS else item and MASK for name, item in value.items()}
    return MASK


_known: ContextVar[tuple[Callable[[], dict[str, set[str]]], ...]] = ContextVar("airflow_balancer_secrets", default=())
"""The forms of the secrets that this context knows, gathered when the first error needs them."""


def mask_known(text: str) -> str:
    """Mask the secrets of this context in a string; see `masking`."""
    return _mask_string(text, _search(text, _known_forms()))


def _known_forms() -> list[dict[str, set[str]]]:
    return [forms() for forms in _known.get()]


@contextmanager
def masking(find: Callable[[], Collection[str]]) -> Iterator[None]:
    """Mask secrets in this package's errors, and in the values that they quote.

    `find` returns the secrets. It is called only for an error, and once. A cause is dropped if its text has a secret.
    """
    token = _known.set((*_known.get(), cache(lambda: _index(find()))))
    try:
        yield
    except BalancerError as error:
        masked = _mask_error(error, forms := _known_forms())
        if masked is not error or _causes_tell(error, forms):
            raise masked.with_traceback(error.__traceback__) from None
        raise
    finally:
        _known.reset(token)


def mask_error(error: BalancerError, secrets: Collection[str]) -> BalancerError:
    """Return an error with the secrets masked; the error itself if it has none."""
    return _mask_error(error, [_index(secrets)])


def _mask_error(error: BalancerError, forms: list[dict[str, set[str]]]) -> BalancerError:
    text = "\n".join(error.strings) if isinstance(error, ConfigurationError) else str(error)
    # One search for all problems: there may be one problem and one secret for each host.
    present = _search(text, forms)
    if (masked := _mask_string(text, present)) == text:
        return error
    if isinstance(error, ConfigurationError):
        return error.rewritten(lambda string: _mask_string(string, present))
    told = type(error)(masked)
    told.__dict__.update(error.__dict__)
    return told


def _causes_tell(error: BaseException, forms: list[dict[str, set[str]]]) -> bool:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is None:
        return False
    text = str(cause)
    return _mask_string(text, _search(text, forms)) != text or _causes_tell(cause, forms)


def shown(value: object) -> str:
    """Return a value as a message quotes it. Secrets are masked before it is cut: `masking` would not find a part of one."""
    try:
        text = repr(mask(value))
    except (ValueError, RecursionError):  # a number of more digits than Python prints
        return f"a {type(value).__name__}"
    if len(text) <= _LONGEST_SHOWN:
        return text
    return f"{mask_known(text)[:_LONGEST_SHOWN]}..."

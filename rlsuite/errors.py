"""Errors a user can cause, each with the exit code the command line ends with."""

from __future__ import annotations


class RlsuiteError(Exception):
    """Base of every error rlsuite raises on purpose.

    The message is what the user sees: what is wrong and where, what was found,
    what is allowed, what to do. The command line prints it without a traceback.
    """

    exit_code = 1


class UserError(RlsuiteError):
    """The user's mistake: a key, a value, a file, a command (exit code 2)."""

    exit_code = 2


class ConfigError(UserError):
    """One or more mistakes in an experiment file, all of them in one message."""


class DataError(UserError):
    """A file of data (demonstrations, images, a checkpoint) that cannot be used."""


class RunError(RlsuiteError):
    """A run that could not go on: full disk, dead engine, NaN (exit code 1)."""


class MissingExtraError(UserError):
    """A level, agent or generator whose optional dependencies are not installed.

    Args:
        what: What was asked for, as the user named it.
        extra: The extra that brings it, e.g. ``"doom"``.
        reason: Why it is missing, if there is more to say.
    """

    def __init__(self, what: str, extra: str, reason: str = "") -> None:
        self.extra = extra
        detail = f" ({reason})" if reason else ""
        super().__init__(
            f"{what} needs the extra '{extra}'{detail}. Install it with: uv pip install 'rlsuite[{extra}]'"
        )

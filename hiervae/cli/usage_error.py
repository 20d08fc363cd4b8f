"""The error of a command that was called wrongly."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from hiervae.errors import DataError, HiervaeError, PluginConflictError, UnknownPluginError


class UsageError(HiervaeError):
    """The command was called wrongly; its exit status is 2."""


@contextmanager
def refused_as_usage(options: Iterable[str] = ()) -> Iterator[None]:
    """What the package refuses within the context came from the command line's options.

    Args:
        options: names of arguments that are options of the command, as in `in_command_words`.

    Raises:
        UsageError: in place of the package's own error, unless that is about data.
    """
    try:
        yield
    except DataError:
        raise
    except (ValueError, UnknownPluginError, PluginConflictError) as error:
        raise UsageError(in_command_words(str(error), options)) from error


def in_command_words(text: str, options: Iterable[str]) -> str:
    """Write names of arguments as the command's options: `num_nodes=5` as `--num-nodes 5`.

    Args:
        text: a message.
        options: the arguments' names; one that may be a word of the message's own is replaced
            only where it is marked, as in `level=3`.
    """
    for name in options:
        option = f"--{name.replace('_', '-')}"
        text = re.sub(rf"\b{name}=", f"{option} ", text).replace(f"`{name}`", option)
        if "_" in name:
            text = re.sub(rf"\b{name}\b", option, text)
    return text

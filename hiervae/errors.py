"""The package's own exceptions.

Every message says what was received, what was expected and how to fix it.
"""


class HiervaeError(Exception):
    """Base of all errors the package raises on purpose; one line on the command line."""


class RegistryError(HiervaeError, LookupError):
    """A plugin could not be found or resolved."""


class UnknownPluginError(RegistryError):
    """No installed distribution offers a plugin of this name."""


class PluginConflictError(RegistryError):
    """Two distributions offer a plugin of the same name."""


class BrokenPluginError(RegistryError):
    """A plugin was found, but importing or constructing it failed."""


class IncompatiblePluginError(HiervaeError, TypeError):
    """A plugin is of the wrong type or written for another interface version."""


class DataError(HiervaeError, ValueError):
    """Data cannot be used: not finite, out of range, of the wrong shape or type, or empty."""


class DatasetOptionError(DataError):
    """An option of a data set is unknown, of a wrong type or out of range."""


class DatasetNotFoundError(HiervaeError, FileNotFoundError):
    """A data file is missing; the message says where to get it and where to put it."""


class UnknownDatasetError(UnknownPluginError, DatasetNotFoundError):
    """No data set, file or folder of this name exists."""


class UnknownPresetError(UnknownPluginError, ValueError):
    """No installed distribution offers a preset of this name."""


class DamagedFileError(HiervaeError, ValueError):
    """A file exists, but its content is not what its format promises."""


class NonFiniteLossError(HiervaeError, ArithmeticError):
    """Training or evaluation produced NaN or infinity; the message names the term."""


class NoPathError(HiervaeError, ValueError):
    """Two nodes of a latent graph are not connected."""

"""Data sets of the papers, read from their published files, and the user's own.

```python
data = hiervae.datasets.load("pendulum")
data.train.shape        # (15000, 16, 16), float32 in [0, 1]
data.info.likelihood    # "gaussian"
```

A set is a function `load(store, *, ...)`, named by an entry point of the group `hiervae.datasets`,
in a module that also defines the set's facts as `INFO`; plugins add theirs in the same way.
"""

from hiervae.datasets.catalogue import DatasetStatus, describe, names, status
from hiervae.datasets.dataset import Dataset, DatasetInfo, RemoteFile
from hiervae.datasets.loading import load
from hiervae.datasets.scaling import binarise
from hiervae.datasets.sets.pendulum import render_pendulum
from hiervae.datasets.store import FileStore
from hiervae.datasets.user_arrays import from_arrays

__all__ = [
    "Dataset",
    "DatasetInfo",
    "DatasetStatus",
    "FileStore",
    "RemoteFile",
    "binarise",
    "describe",
    "from_arrays",
    "load",
    "names",
    "render_pendulum",
    "status",
]

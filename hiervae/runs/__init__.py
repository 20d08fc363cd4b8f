"""Run folders: what a training leaves on disk, and how it is read, continued and scored."""

from hiervae.runs.config import RunConfig
from hiervae.runs.folder import RunFolder

__all__ = ["RunConfig", "RunFolder"]

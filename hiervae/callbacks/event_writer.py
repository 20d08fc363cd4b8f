"""TensorBoard event files without TensorFlow."""

from __future__ import annotations

import io
import os
import struct
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hiervae.errors import HiervaeError

_PNG_SIZE_OFFSET = 16
_NUM_BINS = 30


class EventWriter:
    """Appends scalars, images, histograms and texts to one new event file in a directory.

    Each record is on disk when the method returns, so nothing is lost by an exception or a killed
    process, and a record that does not fit on the disk is cut off again. The file is closed by
    `close()`, or else with the object. Not thread-safe.

    Only the record framing and the protocol buffers of the `tensorboard` package are used. Its own
    `EventFileWriter` was tried: where TensorFlow is installed, the file goes through TensorFlow,
    which takes seconds to import, and of six processes that were killed while they wrote, all left
    a torn record (without TensorFlow none did). It also writes in a thread of its own, so that an
    exception about a full disk comes to another record than the one that did not fit.

    Args:
        directory: where the file goes; made if missing.
        first_step: the lowest step that will be written. Older files of the directory may hold
            this step or later ones, of a training that was resumed from a checkpoint before them;
            TensorBoard drops those.

    Raises:
        HiervaeError: if `tensorboard` is not installed, or the directory cannot be written.
    """

    def __init__(self, directory: str | os.PathLike[str], first_step: int = 1) -> None:
        events = _tensorboard("compat.proto.event_pb2")
        self._event = events.Event
        self._summary = _tensorboard("compat.proto.summary_pb2").Summary
        self._frame = _tensorboard("summary.writer.record_writer").RecordWriter
        now = time.time_ns()
        # TensorBoard reads the files of a directory in the order of their names.
        name = f"events.out.tfevents.{now // 10**9:010d}.{now % 10**9:09d}.{os.getpid()}"
        self.path = Path(directory) / name
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self.path, "xb", buffering=0)  # noqa: SIM115
            self._finalizer = weakref.finalize(self, self._file.close)
            try:
                self._append(self._event(wall_time=now / 10**9, file_version="brain.Event:2"))
                start = events.SessionLog(status=events.SessionLog.START)
                self._append(self._event(wall_time=now / 10**9, step=first_step, session_log=start))
            except OSError:
                self.close()
                self.path.unlink()
                raise
        except OSError as error:
            raise HiervaeError(
                f"Cannot write TensorBoard events to '{directory}': {error.strerror or error}. "
                "Expected a directory with write permission and free space; give another log_dir."
            ) from error

    def scalar(self, tag: str, value: float, step: int) -> None:
        """Write one number.

        Raises:
            OSError: if the record does not fit on the disk.
        """
        self.scalars({tag: value}, step)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Write several numbers of one step, as one record.

        Raises:
            OSError: if the record does not fit on the disk.
        """
        value = self._summary.Value
        self._write([value(tag=tag, simple_value=number) for tag, number in values.items()], step)

    def image(self, tag: str, png: bytes, step: int) -> None:
        """Write one figure, given as the content of a PNG file.

        Raises:
            OSError: if the record does not fit on the disk.
        """
        width, height = struct.unpack_from(">II", png, _PNG_SIZE_OFFSET)
        image = self._summary.Image(height=height, width=width, encoded_image_string=png)
        self._write([self._summary.Value(tag=tag, image=image)], step)

    def histogram(self, tag: str, values: ArrayLike, step: int) -> None:
        """Write how numbers are spread, in bins of equal width.

        Raises:
            OSError: if the record does not fit on the disk.
        """
        numbers = np.asarray(values, dtype=np.float64).ravel()
        counts, edges = np.histogram(numbers, _NUM_BINS)
        histogram = _tensorboard("compat.proto.histogram_pb2").HistogramProto(
            min=numbers.min(),
            max=numbers.max(),
            num=len(numbers),
            sum=numbers.sum(),
            sum_squares=np.square(numbers).sum(),
            bucket_limit=edges[1:].tolist(),
            bucket=counts.tolist(),
        )
        self._write([self._summary.Value(tag=tag, histo=histogram)], step)

    def text(self, tag: str, markdown: str, step: int) -> None:
        """Write a text in Markdown.

        Raises:
            OSError: if the record does not fit on the disk.
        """
        summary = _tensorboard("compat.proto.summary_pb2")
        data = summary.SummaryMetadata.PluginData(plugin_name="text")
        tensor = _tensorboard("compat.proto.tensor_pb2").TensorProto(
            dtype=_tensorboard("compat.proto.types_pb2").DT_STRING,
            string_val=[markdown.encode()],
        )
        metadata = summary.SummaryMetadata(plugin_data=data)
        self._write([self._summary.Value(tag=tag, metadata=metadata, tensor=tensor)], step)

    def session(self, settings: Mapping[str, bool | float | str], name: str) -> None:
        """Write hyper-parameters, for the table in which runs are compared.

        The session counts as ended, so that TensorBoard takes the last scalars as its metrics.

        Args:
            settings: by their names.
            name: of the group of sessions with these settings, such as the runs of several seeds.

        Raises:
            OSError: if a record does not fit on the disk.
        """
        # The functions of the plugin that make these records import TensorFlow where it is there.
        records = _tensorboard("plugins.hparams.plugin_data_pb2")
        now = time.time()
        start = records.SessionStartInfo(group_name=name, start_time_secs=now)
        for key, value in sorted(settings.items()):
            kind = {bool: "bool_value", str: "string_value"}.get(type(value), "number_value")
            setattr(start.hparams[key], kind, value)
        done = _tensorboard("plugins.hparams.api_pb2").Status.STATUS_SUCCESS
        end = records.SessionEndInfo(status=done, end_time_secs=now)
        tags = _tensorboard("plugins.hparams.metadata")
        for tag, data in (
            (tags.SESSION_START_INFO_TAG, records.HParamsPluginData(session_start_info=start)),
            (tags.SESSION_END_INFO_TAG, records.HParamsPluginData(session_end_info=end)),
        ):
            metadata = tags.create_summary_metadata(data)
            value = self._summary.Value(tag=tag, metadata=metadata, tensor=tags.NULL_TENSOR)
            self._write([value], 0)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._finalizer()

    def discard(self) -> None:
        """Close the file and remove it, with its directory if nothing else is there."""
        self.close()
        with suppress(OSError):
            self.path.unlink()
            self.path.parent.rmdir()

    def _write(self, values: list[Any], step: int) -> None:
        summary = self._summary(value=values)
        self._append(self._event(wall_time=time.time(), step=step, summary=summary))

    def _append(self, event: Any) -> None:
        buffer = io.BytesIO()
        self._frame(buffer).write(event.SerializeToString())
        record = memoryview(buffer.getvalue())
        start = self._file.tell()
        try:
            while record:
                record = record[self._file.write(record) :]
        except OSError:
            with suppress(OSError):
                self._file.truncate(start)
            raise


def _tensorboard(module: str) -> ModuleType:
    try:
        return import_module(f"tensorboard.{module}")
    except ImportError as error:
        raise HiervaeError(
            "Writing TensorBoard events needs the `tensorboard` package, which cannot be "
            f'imported ({error}). Install it with: pip install "hiervae[monitoring]"'
        ) from error

"""Decoding of PNG, JPEG and similar pictures, with their size checked first."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.errors import DamagedFileError, DataError, DatasetOptionError, HiervaeError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".ppm", ".tif", ".tiff", ".webp")
MAX_PIXELS = 2**26
_EIGHT_BIT_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
_FORMATS = ("PNG", "JPEG", "BMP", "PPM", "TIFF", "WEBP")


@dataclass(frozen=True)
class PictureFormat:
    """The form into which pictures are brought.

    Attributes:
        height: rows of the result.
        width: columns of the result.
        colour: three channels (red, green, blue) if true, else grey.
        crop: side of the centred square that is cut out before resizing; None keeps all.
    """

    height: int
    width: int
    colour: bool = True
    crop: int | None = None

    def __post_init__(self) -> None:
        for name in ("height", "width", "crop"):
            value = getattr(self, name)
            if value is not None and not 1 <= value <= 8192:
                raise DatasetOptionError(f"{name} is {value} pixels; choose 1 to 8192.")


def decode_picture(data: bytes, where: str, form: PictureFormat) -> NDArray[np.uint8]:
    """Decode one picture; downsizing averages over the area of each new pixel.

    Args:
        data: the encoded picture.
        where: its name for messages.
        form: what to make of it.

    Returns:
        Bytes of shape (height, width) or (height, width, 3).

    Raises:
        DamagedFileError: if it cannot be decoded or is larger than `MAX_PIXELS`.
        DataError: if Pillow is not installed, or the crop is larger than the picture.
    """
    image_module = _pillow()
    try:
        image = image_module.open(io.BytesIO(data), formats=_FORMATS)
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise DamagedFileError(
                f"{where} promises {width} x {height} pixels; the limit is {MAX_PIXELS} in all."
            )
        if image.mode not in _EIGHT_BIT_MODES:
            raise DamagedFileError(
                f"{where} has pixels of mode {image.mode!r}; expected 8 bits a channel."
            )
        picture = _on_white(image, image_module).convert("RGB" if form.colour else "L")
        if form.crop is not None:
            picture = picture.crop(_crop_box(width, height, form.crop, where))
        picture = picture.resize((form.width, form.height), image_module.Resampling.BOX)
        return np.asarray(picture, dtype=np.uint8)
    except HiervaeError:
        raise
    except Exception as error:
        raise DamagedFileError(f"{where} is no readable picture: {error}.") from error


def _on_white(image: Any, image_module: Any) -> Any:
    """Lay transparent pixels, whose colours are arbitrary, over white."""
    if image.mode not in ("LA", "PA", "RGBA") and "transparency" not in image.info:
        return image
    white = image_module.new("RGBA", image.size, "white")
    white.alpha_composite(image.convert("RGBA"))
    return white


def _crop_box(width: int, height: int, crop: int, where: str) -> tuple[int, int, int, int]:
    if crop > min(width, height):
        raise DataError(f"{where} has {width} x {height} pixels; crop={crop} is larger.")
    left, top = (width - crop) // 2, (height - crop) // 2
    return left, top, left + crop, top + crop


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise DataError(
            'Reading pictures needs Pillow: pip install "hiervae[monitoring]".'
        ) from error
    return Image

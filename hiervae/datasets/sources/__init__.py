"""Collections of images that are read example by example."""

from hiervae.datasets.sources.encoded_pictures import EncodedPictures
from hiervae.datasets.sources.image_source import ImageSource, JoinedImages, MappedImages

__all__ = ["EncodedPictures", "ImageSource", "JoinedImages", "MappedImages"]

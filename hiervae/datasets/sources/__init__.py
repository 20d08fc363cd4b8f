"""Collections of images that are read example by example."""

from hiervae.datasets.sources.encoded_pictures import EncodedPictures
from hiervae.datasets.sources.image_source import ImageSource
from hiervae.datasets.sources.joined_images import JoinedImages
from hiervae.datasets.sources.mapped_images import MappedImages

__all__ = ["EncodedPictures", "ImageSource", "JoinedImages", "MappedImages"]

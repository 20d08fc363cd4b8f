"""Motion capture: Acclaim skeletons and recordings, forward kinematics, animation."""

from hiervae.datasets.motion.amc import Motion, read_amc
from hiervae.datasets.motion.animation import save_animation
from hiervae.datasets.motion.asf import read_asf
from hiervae.datasets.motion.channels import expand_joint_angles, joint_angle_names
from hiervae.datasets.motion.normalisation import ChannelNormalisation
from hiervae.datasets.motion.skeleton import Bone, Skeleton

__all__ = [
    "Bone",
    "ChannelNormalisation",
    "Motion",
    "Skeleton",
    "expand_joint_angles",
    "joint_angle_names",
    "read_amc",
    "read_asf",
    "save_animation",
]

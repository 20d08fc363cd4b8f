"""Rules for beta, the weight of the KL."""

from hiervae.schedulers.base import Scheduler

__all__ = ["Scheduler"]

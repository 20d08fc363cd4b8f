"""A Student-t prior for hiervae."""

from hiervae_student_t.student_t import StudentT

__all__ = ["StudentT"]

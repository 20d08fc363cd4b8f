"""Reports: all there is to say about a run, in one HTML file."""

from hiervae.reports.report import Report, write_report

__all__ = ["Report", "write_report"]

//! The yearly status report.

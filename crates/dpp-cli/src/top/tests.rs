//! Tests of what is counted and seen.

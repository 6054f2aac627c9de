//! Churn.

//! The one place that reads the process's environment.

/// Whether colors are wanted: <https://no-color.org>.
pub(super) fn color() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

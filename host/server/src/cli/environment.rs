//! The one place that reads the process's environment.

/// Whether colors are wanted: <https://no-color.org>.
pub(super) fn color() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Where cargo keeps the sources of dependencies.
pub(super) fn cargo_home() -> Option<std::path::PathBuf> {
    let named = std::env::var_os("CARGO_HOME").map(std::path::PathBuf::from);
    named.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
}

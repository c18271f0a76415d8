//! The one place that reads the process's environment.

/// Tells whether colors are wanted: <https://no-color.org>.
pub fn color() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Returns the directory in which cargo keeps the sources of dependencies.
pub fn cargo_home() -> Option<std::path::PathBuf> {
    let named = std::env::var_os("CARGO_HOME").map(std::path::PathBuf::from);
    named.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
}

/// Returns the directory in which a service may keep what must outlive it, where a service manager
/// has made one: <https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html>.
pub fn state_directory() -> Option<std::path::PathBuf> {
    // Several are separated by colons.
    let named = std::env::var_os("STATE_DIRECTORY")?;
    std::env::split_paths(&named).next().filter(|path| path.is_absolute())
}

/// A variable that a configuration names, if it is set to text.
pub fn variable(name: &str) -> Option<String> {
    std::env::var_os(name)?.into_string().ok()
}

/// The directory in which a user's programs keep their configurations: <https://specifications.freedesktop.org/basedir>.
pub fn config_home() -> Option<std::path::PathBuf> {
    let named = std::env::var_os("XDG_CONFIG_HOME").map(std::path::PathBuf::from);
    let named = named.filter(|path| path.is_absolute());
    named.or_else(|| std::env::home_dir().map(|home| home.join(".config")))
}

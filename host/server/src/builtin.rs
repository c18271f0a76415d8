//! The shipped policies, embedded so that the binary is all there is to install.

/// Every shipped policy with its module.
const MODULES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

/// The name of each shipped policy, as in `module: builtin/<name>`.
pub const NAMES: &[&str] = &{
    let mut names = [""; MODULES.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = MODULES[index].0;
        index += 1;
    }
    names
};

/// The module of a shipped policy.
pub fn module(name: &str) -> Option<&'static [u8]> {
    MODULES.iter().find(|(known, _)| *known == name).map(|(_, module)| *module)
}

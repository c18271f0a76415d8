//! Compiles the guests that exist only to be tested.

use std::error::Error;
use std::path::{Path, PathBuf};

use stockade_guest_build::Guests;

fn main() -> Result<(), Box<dyn Error>> {
    let out_dir = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    println!("cargo::rerun-if-changed={}", tests.join("guests").display());
    println!("cargo::rerun-if-changed={}", tests.join("../policy-sdk").display());
    let packages = ["stockade-guest-odd", "stockade-guest-forbidden-import"];
    let guests =
        Guests { workspace: &tests.join("guests"), packages: &packages, out_dir: &out_dir };
    for (package, module) in packages.iter().zip(guests.build()?) {
        let name = package.trim_start_matches("stockade-guest-").replace('-', "_").to_uppercase();
        let variable = format!("GUEST_{name}");
        println!("cargo::rustc-env={variable}={}", module.display());
    }
    Ok(())
}

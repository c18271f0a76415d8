//! Policies in languages without an SDK: a compiler of the author's, and the contract written into
//! what it makes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

use super::{build, header};

/// The directory for what is compiled, below that of the policy.
const OUT: &str = "build";
const CORE: &str = "build/core.wasm";
const MODULE: &str = "build/policy.wasm";
/// No library and no start function; a small stack, since the host resets all memory after each
/// decision. Copies of structs become instructions instead of calls of a library.
const C_FLAGS: [&str; 10] = [
    "-std=c11",
    "-Os",
    "-Wall",
    "-Wextra",
    "-ffreestanding",
    "-mbulk-memory",
    "-nostdlib",
    "-Wl,--no-entry",
    "-Wl,--strip-debug",
    "-Wl,-z,stack-size=32768",
];
const CLANG: [&str; 2] = ["clang", "--target=wasm32"];
const ZIG_CC: [&str; 3] = ["zig", "cc", "--target=wasm32-freestanding"];
const ZIG: [&str; 10] = [
    "zig",
    "build-exe",
    "-target",
    "wasm32-freestanding",
    "-O",
    "ReleaseSmall",
    "-fno-entry",
    "-rdynamic",
    "--stack",
    "32768",
];
const NO_C: &str = "cannot compile policy.c: there is no clang that makes WebAssembly, and no zig. \
     Install clang and its linker (Debian and Ubuntu: `apt install clang lld`, Fedora: `dnf \
     install clang lld`, macOS: `brew install llvm lld`), or Zig (https://ziglang.org/download/)";
const NO_ZIG: &str =
    "cannot compile policy.zig: there is no zig; install it (https://ziglang.org/download/)";

/// A language other than Rust.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum Foreign {
    C,
    Zig,
}

impl Foreign {
    /// The language of the policy in a directory, by the name of its source.
    pub(super) fn of(directory: &Path) -> Option<Self> {
        [Self::C, Self::Zig].into_iter().find(|one| directory.join(one.source()).is_file())
    }

    /// The file with the policy.
    pub(super) const fn source(self) -> &'static str {
        match self {
            Self::C => "policy.c",
            Self::Zig => "policy.zig",
        }
    }

    /// The file with the contract.
    pub(super) const fn header_name(self) -> &'static str {
        match self {
            Self::C => "stockade.h",
            Self::Zig => "stockade.zig",
        }
    }

    /// Writes the contract in the language.
    pub(super) fn header(self) -> anyhow::Result<String> {
        match self {
            Self::C => header::c(),
            Self::Zig => header::zig(),
        }
    }

    /// The command that compiles a policy, word by word.
    fn command(self, compiler: &[&str]) -> Vec<String> {
        let flags: &[&str] = match self {
            Self::C => &C_FLAGS,
            Self::Zig => &[],
        };
        let mut words: Vec<String> =
            compiler.iter().chain(flags).map(|word| (*word).to_owned()).collect();
        match self {
            Self::C => words.extend(["-o".to_owned(), CORE.to_owned()]),
            Self::Zig => words.push(format!("-femit-bin={CORE}")),
        }
        words.push(self.source().to_owned());
        words
    }

    /// The line that compiles a policy with the language's own compiler.
    pub(super) fn compile_line(self) -> String {
        let compiler: &[&str] = match self {
            Self::C => &CLANG,
            Self::Zig => &ZIG,
        };
        self.command(compiler).join(" ")
    }

    /// A script that builds a policy without `stockade policy build`.
    pub(super) fn script(self) -> String {
        let other = match self {
            Self::C => format!("# Where there is no clang, {} does it.\n", quoted(&ZIG_CC)),
            Self::Zig => String::new(),
        };
        format!(
            "#!/bin/sh\n# What `stockade policy build` does, for a build of your own.\n{other}\
             set -eu\ncd \"$(dirname \"$0\")\"\nmkdir -p {OUT}\n{}\n\
             stockade policy embed {CORE} --out {MODULE}\n",
            self.compile_line()
        )
    }

    /// Compiles the policy in a directory, and returns the module.
    pub(super) fn build(self, directory: &Path) -> anyhow::Result<PathBuf> {
        let words = self.command(self.compiler()?);
        let out = directory.join(OUT);
        std::fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
        let (program, arguments) = words.split_first().context("a command has a program")?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(directory);
        // Standard output is the answer of this program.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        let status = command.status().with_context(|| format!("cannot run {program}"))?;
        ensure!(status.success(), "the policy does not compile");
        let core = directory.join(CORE);
        let core = std::fs::read(&core)
            .with_context(|| format!("{program} has not written {}", core.display()))?;
        let module = stockade_engine::embed_contract(&core)
            .with_context(|| format!("{} is compiled, and is no policy", self.source()))?;
        let path = directory.join(MODULE);
        build::replace(&path, &module)?;
        Ok(path)
    }

    /// The compiler that is installed.
    fn compiler(self) -> anyhow::Result<&'static [&'static str]> {
        let zig = || answers(Command::new("zig").arg("version")).is_some();
        match self {
            Self::C if clang_makes_webassembly() => Ok(&CLANG),
            Self::C if zig() => Ok(&ZIG_CC),
            Self::C => bail!(NO_C),
            Self::Zig if zig() => Ok(&ZIG),
            Self::Zig => bail!(NO_ZIG),
        }
    }
}

fn quoted(words: &[&str]) -> String {
    format!("`{}`", words.join(" "))
}

/// Tells whether clang is there, knows the target (Apple's does not), and finds the linker, which
/// is often a package of its own.
fn clang_makes_webassembly() -> bool {
    let targets = answers(Command::new("clang").arg("--print-targets"));
    let linker =
        answers(Command::new("clang").args(["--target=wasm32", "--print-prog-name=wasm-ld"]));
    targets.is_some_and(|targets| targets.contains("wasm32"))
        && linker.is_some_and(|linker| Path::new(linker.trim()).is_absolute())
}

/// The output of a program, if it is there and succeeds.
fn answers(command: &mut Command) -> Option<String> {
    let ran = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    ran.status.success().then(|| String::from_utf8_lossy(&ran.stdout).into_owned())
}

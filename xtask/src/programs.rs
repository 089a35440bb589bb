//! Other people's mail programs: those that the tests run against the lab, and compare with.

use crate::docs::target;
use crate::steps::{cargo, has, output, step};
use crate::{interop, root};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What must be there, and the Debian package that holds it: a program, or a file or folder by its full path.
const PROGRAMS: &[(&str, &str)] = &[
    ("openssl", "openssl"),
    ("sslscan", "sslscan"),
    ("testssl", "testssl.sh"),
    ("swaks", "swaks"),
    // Without these swaks knows neither DIGEST-MD5 nor NTLM.
    ("/usr/share/doc/libauthen-sasl-perl", "libauthen-sasl-perl"),
    ("/usr/share/doc/libauthen-ntlm-perl", "libauthen-ntlm-perl"),
    ("gsasl", "gsasl"),
    ("curl", "curl"),
    ("/usr/lib/cyrus/bin/imtest", "cyrus-clients"),
    // The mechanisms of those programs are plugins.
    ("/usr/share/doc/libsasl2-modules", "libsasl2-modules"),
    ("python3", "python3"),
    // Without it swaks knows no TLS. It is no program; its presence shows in a file.
    ("/usr/share/doc/libnet-ssleay-perl", "libnet-ssleay-perl"),
    ("/usr/share/doc/python3-venv", "python3-venv"),
    ("msmtp", "msmtp"),
    ("mpop", "mpop"),
    ("fetchmail", "fetchmail"),
    ("mbsync", "isync"),
    ("offlineimap", "offlineimap3"),
    ("mutt", "mutt"),
    // Lends mutt a terminal.
    ("script", "bsdutils"),
];

/// IMAPClient is no package of Debian's that is as new as what people use.
const IMAPCLIENT: &str = "imapclient==4.1.0";

/// What the benchmark of scanners takes from PyPI.
const SSLYZE: &str = "sslyze==6.3.1";

/// Installs what is missing, as root on Debian.
pub(crate) fn install() -> Result<()> {
    let there = |program: &str| has(program) || Path::new(program).exists();
    let missing: Vec<&str> =
        PROGRAMS.iter().filter(|(program, _)| !there(program)).map(|(_, package)| *package).collect();
    if !missing.is_empty() {
        step("apt-get update", Command::new("apt-get").args(["-qq", "update"]))?;
        let mut install = Command::new("apt-get");
        install.args(["-qq", "-y", "--no-install-recommends", "install"]).args(&missing);
        step(
            "install foreign programs",
            install.env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null()),
        )?;
    }
    install_imapclient()
}

/// sslyze is on PyPI only; only the benchmark wants it.
pub(crate) fn sslyze() -> Result<PathBuf> {
    let folder = target().join("foreign-python");
    let program = folder.join("bin/sslyze");
    if !program.exists() {
        if !folder.join("bin/pip").exists() {
            step("environment for sslyze", Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        }
        let mut pip = Command::new(folder.join("bin/python3"));
        step(
            "install sslyze",
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", SSLYZE]),
        )?;
    }
    Ok(program)
}

/// An environment of its own for Python, because the system's is not ours to change.
fn install_imapclient() -> Result<()> {
    let folder = target().join("foreign-python");
    let python = folder.join("bin/python3");
    let works = Command::new(&python)
        .args(["-c", "import imapclient"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if works {
        return Ok(());
    }
    step("environment for IMAPClient", Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    step(
        "install IMAPClient",
        Command::new(python).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            IMAPCLIENT,
        ]),
    )
}

/// Where Postfix is unpacked, for its load generator and sink. Postfix is not installed, because installing it makes
/// this machine a mail server.
pub(crate) fn postfix() -> Result<PathBuf> {
    let told = output(Command::new("interop/postfix-dovecot").arg("fetch"))?;
    Ok(PathBuf::from(told.trim()))
}

/// A program of the unpacked Postfix, with the libraries that it needs.
pub(crate) fn of_postfix(tree: &Path, program: &str) -> Result<Command> {
    let mut libraries = vec![tree.join("usr/lib/postfix")];
    // Multiarch: /usr/lib/x86_64-linux-gnu and its like.
    libraries.extend(std::fs::read_dir(tree.join("usr/lib"))?.filter_map(|e| e.ok().map(|e| e.path())));
    let mut command = Command::new(tree.join("usr/sbin").join(program));
    command.env("LD_LIBRARY_PATH", std::env::join_paths(libraries)?);
    Ok(command)
}

/// Installs all programs and promises them to the tests that `tests` runs. Yields why not, if that cannot be.
pub(crate) fn promise(tests: &mut Command, required: bool) -> Result<Option<String>> {
    if let Some(why) = interop::impossible() {
        if required {
            bail!("foreign programs are required, but {why}");
        }
        return Ok(Some(why));
    }
    install()?;
    tests.env("EHLO_ALL_CLIENTS", "1").env("EHLO_POSTFIX", postfix()?);
    Ok(None)
}

/// The tests with foreign programs alone.
pub(crate) fn run(required: bool) -> Result<()> {
    let mut tests = cargo();
    tests.args(["test", "--package", "ehlo", "--locked", "--test", "foreign"]).current_dir(root());
    if let Some(why) = promise(&mut tests, required)? {
        println!("those that are not installed are left out: {why}");
    }
    step("tests with foreign programs", &mut tests)
}

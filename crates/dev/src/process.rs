//! Other programs: run to their end, or for as long as a guard lives.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// A program that ends with this guard, whatever happens.
#[derive(Debug)]
pub(crate) struct Running(Child);

impl Running {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("{} cannot be started", name(command)))?;
        Ok(Self(child))
    }
    /// True when it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.0.try_wait()?.is_some())
    }
    /// SIGKILL, now. True when it was still running.
    pub(crate) fn kill(mut self) -> Result<bool> {
        let running = !self.has_ended()?;
        if running {
            self.0.kill()?;
            self.0.wait()?;
        }
        Ok(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a command to its end, its output passed through. Errors: another exit code than 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("{} cannot be started", name(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", name(command));
    }
    Ok(())
}

/// Runs a command to its end; its output is shown only where it failed.
pub(crate) fn run_quietly(command: &mut Command) -> Result<Output> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{} cannot be started", name(command)))?;
    if !output.status.success() {
        bail!(
            "{} ended with {}\n{}{}",
            name(command),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(output)
}

/// A port on loopback that nobody listens on at the moment.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Waits until somebody listens on the port. Errors: the program ended, or nobody came in time.
pub(crate) fn wait_for(program: &mut Running, port: u16, longest: Duration, log: &Path) -> Result<()> {
    let begun = Instant::now();
    let told = || std::fs::read_to_string(log).unwrap_or_default();
    while TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), Duration::from_secs(1)).is_err() {
        if program.has_ended()? {
            bail!("the server ended before it listened on port {port}\n{}", told());
        }
        if begun.elapsed() > longest {
            bail!(
                "nobody listened on port {port} within {} s\n{}",
                longest.as_secs(),
                told()
            );
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn name(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args()).take(4);
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_ends_with_its_guard() {
        let program = Running::start(Command::new("sleep").arg("60")).unwrap();
        let process = format!("/proc/{}", program.0.id());
        assert!(Path::new(&process).exists());
        drop(program);
        assert!(!Path::new(&process).exists());
    }

    #[test]
    fn a_server_that_ends_early_is_an_error_with_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        std::fs::write(&log, "no such disk").unwrap();
        let mut program = Running::start(&mut Command::new("true")).unwrap();
        let port = free_port().unwrap();
        let error = wait_for(&mut program, port, Duration::from_secs(10), &log).unwrap_err();
        assert!(error.to_string().contains("no such disk"), "{error}");
    }

    #[test]
    fn a_failed_command_shows_what_it_said() {
        let error = run_quietly(Command::new("sh").args(["-c", "echo this is why; exit 3"])).unwrap_err();
        assert!(error.to_string().contains("this is why"), "{error}");
    }
}

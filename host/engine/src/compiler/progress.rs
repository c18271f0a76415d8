//! Waiting for a process that computes, for as long as it does.
//!
//! On a machine that is busy with something else a second of processor time can take a
//! minute. The system ends a process that has used too much of it, so here it is only looked
//! at whether it uses any.

use std::fs;
use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Waits for the first byte of an answer; nothing where the other side has closed the socket
/// instead. Looks at the process after each `slice`, and gives up when it has used no
/// processor for `idle` of them.
///
/// # Errors
/// [`io::ErrorKind::TimedOut`] when it gives up.
pub(super) fn first_byte(
    mut socket: &UnixStream,
    process: u32,
    slice: Duration,
    idle: u32,
) -> io::Result<Option<u8>> {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};

    socket.set_read_timeout(Some(slice))?;
    let mut used = processor_time(process);
    let mut idle_slices = 0;
    let mut byte = [0];
    loop {
        match socket.read(&mut byte) {
            Ok(0) => return Ok(None),
            Ok(_) => break,
            Err(error) if matches!(error.kind(), WouldBlock | TimedOut | Interrupted) => {}
            Err(error) => return Err(error),
        }
        let now = processor_time(process);
        idle_slices = if now == used { idle_slices + 1 } else { 0 };
        used = now;
        if idle_slices >= idle {
            return Err(TimedOut.into());
        }
    }
    // What follows has been made already, and only has to be written.
    socket.set_read_timeout(Some(slice.saturating_mul(idle)))?;
    Ok(Some(byte[0]))
}

/// The processor time that a process has used, in ticks of the system; nothing where it has
/// ended. See `proc_pid_stat(5)`: the 14th and the 15th field.
fn processor_time(process: u32) -> Option<(u64, u64)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is a name in parentheses, with anything in it.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}
